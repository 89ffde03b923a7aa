"""Options that several commands share, as data, and the decorator that gives them to a command.

Configuration options come from the table in `config.options`; their variables are read there, so that the origin of a
value is known. The others (how to run, not what to deploy) are listed here and read by Typer.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from memdeploy.cli import complete
from memdeploy.cli.seams import Seams
from memdeploy.config import env
from memdeploy.config.options import BY_PATH, OPTIONS, PREFIX, Option


class Backing(StrEnum):
    NONE = "none"
    CONTAINERS = "containers"
    AUTO = "auto"


@dataclass(frozen=True)
class RunOption:
    """How to run, never what to deploy. `parameter` is a field of `Request` or of `Call`."""

    parameter: str
    flag: str
    annotation: Any
    default: Any
    help: str
    metavar: str | None = None

    @property
    def env(self) -> str:
        return PREFIX + self.parameter.upper()


COMMON = (
    RunOption(
        "file", "--file", Path | None, None, "Configuration; default: memdeploy.yaml, when there is one.", "PATH"
    ),
    RunOption(
        "state", "--state", str | None, None, "Folder of the journals; default: your user's state folder.", "DIR"
    ),
    RunOption("json", "--json", bool, False, "One JSON document on stdout, nothing else; asks nothing."),
    RunOption("rehearse", "--rehearse", bool, False, "Against an embedded copy of the cloud: no account, no cost."),
    RunOption("events", "--events", Path | None, None, "Append the run's events to this file as JSON lines.", "PATH"),
    RunOption("wire_log", "--wire-log", Path | None, None, "Record every request and answer here, redacted.", "PATH"),
)
REHEARSAL = (
    RunOption(
        "backing", "--backing", Backing, Backing.AUTO,
        "What stands behind a rehearsal: nothing, real servers in containers, or what this machine can do.",
    ),
    RunOption(
        "time_scale", "--time-scale", float | None, None,
        "Length of a rehearsal's operations, 1.0: as in the cloud; default: fast.", "X",
    ),
    RunOption("world", "--world", Path | None, None, "What a rehearsal's cloud holds before us.", "PATH"),
    RunOption("faults", "--faults", str | None, None, "Its faults, such as 503=0.1,lost=0.05,seed=7.", "SPEC"),
)  # fmt: skip
RUNNING = (
    RunOption("yes", "--yes", bool, False, "Do not ask."),
    RunOption("wait", "--wait", bool, False, "Wait while another run works on this deployment."),
    RunOption("keep_going", "--keep-going", bool, False, "Finish what does not depend on a failed step."),
)
RUN_OPTIONS = (*COMMON, *REHEARSAL, *RUNNING)

JOURNALS = tuple(option for option in COMMON if option.parameter in ("file", "state", "json"))
"For commands that read journals and ask nobody."

ALL_CONFIG = tuple(option.path for option in OPTIONS)
IDENTITY = ("name", "provider", "gcp.project", "gcp.region")


@dataclass(frozen=True)
class Call:
    """One call of a command: what was given on its line. `texts`: configuration path -> text, or a repeatable flag's
    texts; `run`: parameter -> value of the shared options."""

    command: str
    texts: Mapping[str, Any]
    run: Mapping[str, Any]
    seams: Seams

    @functools.cached_property
    def flags(self) -> Mapping[str, Any]:
        """Configuration path -> value. Raises `ConfigError`: to be asked for where errors are shown."""
        return {path: env.from_flag(BY_PATH[path], text) for path, text in self.texts.items() if text}

    @property
    def json(self) -> bool:
        return bool(self.run.get("json"))


def takes(
    command: str, *, config: Iterable[str], run: Iterable[RunOption]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turns `def command(call, own options)` into a Typer command with the shared options besides its own."""
    paths = tuple(config)
    options = tuple(run)

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def wrapper(ctx: typer.Context, **values: Any) -> None:
            texts = {p: values.pop(BY_PATH[p].parameter) for p in paths}
            common = {o.parameter: values.pop(o.parameter) for o in options}
            function(Call(command, texts, common, ctx.ensure_object(Seams)), **values)

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        shared = [*(_config_parameter(BY_PATH[p]) for p in paths), *(_run_parameter(o) for o in options)]
        context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        # Typer reads a command's options from its signature.
        wrapper.__signature__ = inspect.Signature([context, *own, *shared])  # type: ignore[attr-defined]
        wrapper.__annotations__ = {"ctx": typer.Context}
        del wrapper.__wrapped__
        return wrapper

    return decorate


def _config_parameter(option: Option) -> inspect.Parameter:
    repeatable = option.kind in ("list", "mapping")
    default = f"; default: {option.default}" if option.default else ""
    notes = (*([f"({'|'.join(option.choices)})"] if option.choices else []), f" [env var: {option.env}{default}]")
    return _keyword(
        option.parameter,
        list[str] | None if repeatable else str | None,
        typer.Option(
            option.flag,
            help=" ".join((option.help, *notes)),
            metavar=option.metavar,
            show_default=False,
            autocompletion=complete.of(option),
        ),
        None,
    )


def _run_parameter(option: RunOption) -> inspect.Parameter:
    shown = typer.Option(
        option.flag,
        help=option.help,
        metavar=option.metavar,
        envvar=option.env,
        show_default=option.default not in (None, False),
    )
    return _keyword(option.parameter, option.annotation, shown, option.default)


def _keyword(name: str, annotation: Any, option: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=Annotated[annotation, option])
