"""One command from its line to its exit code: read the configuration, call lifecycle, show what came of it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from memdeploy.cli import ask, crash, naming, show, signals, streams
from memdeploy.cli.options import RUN_OPTIONS, Call
from memdeploy.errors import MemdeployError
from memdeploy.report.terminal import in_ci

if TYPE_CHECKING:
    from memdeploy.cli.show import Screen
    from memdeploy.config.load import Loaded
    from memdeploy.config.model import Deployment
    from memdeploy.engine.events import Sink
    from memdeploy.lifecycle.request import Request
    from memdeploy.lifecycle.result import Result
    from memdeploy.secret import Secret

#: Variables that are ours and no options of the configuration.
_OTHER_VARIABLES = tuple(option.env for option in RUN_OPTIONS) + tuple(
    f"MEMDEPLOY_{name}"
    for name in (
        "GCP_ENDPOINT", "GCP_TOKEN_FILE", "AWS_ENDPOINT", "AWS_TOKEN_FILE", "AZURE_ENDPOINT", "AZURE_TOKEN_FILE",
        "EXIT_CODE", "REPLACE", "DELETE_DATA", "FINISH", "SHARED", "NO_FINAL_BACKUP", "PORT", "CACHED", "CHECK_MODEL",
        "PRINT_ROLE", "TO", "MIGRATE", "INTO", "BACKUP_TO", "REPAIR", "DATA",
        "COSTS", "LIVE_PRICES", "SCHEMA", "FORCE", "ENV", "REMOVE",
        "SUFFIX", "CONFIRM", "HOLDER_IS_GONE", "TEST_CRASH", "TEST_LEASE",
        "SINCE", "LEVEL", "LIMIT", "FOLLOW",
    )
)  # fmt: skip

_FROM_LINE = ("state", "rehearse", "time_scale", "world", "faults", "yes", "wait", "keep_going", "events", "wire_log")
#: A file describes what these make, whatever name the line gives it; the others look at what is there.
_CONFIGURED = ("plan", "up", "doctor", "recover")
_NEEDS_KEY = ("plan", "up", "doctor", "restore", "upgrade")
_ASKS_FOR_KEY = "up"

Finish = Callable[["Result"], "Result"]


def invoke(
    call: Call,
    own: Mapping[str, Any] | None = None,
    *,
    before: Callable[[], None] | None = None,
    finish: Finish | None = None,
) -> None:
    """Runs the command and leaves with its exit code. `own`: the command's own fields of `Request`; `before` raises
    when they do not fit together; `finish` may change the result before it is shown."""

    def perform(secrets: list[Secret]) -> Result:
        if before is not None:
            before()
        return _perform(call, dict(own or {}), secrets)

    run(call, perform, finish)


def run(call: Call, perform: Callable[[list[Secret]], Result], finish: Finish | None = None) -> None:
    """Shows what `perform` returns or raises, once, and leaves with the exit code. `perform` puts the secrets that it
    read into the list it is given, so that a crash log can leave them out."""
    secrets: list[Secret] = []
    _silence_libraries()
    with crash.unattended(lambda error: _unattended(error, call, secrets)):
        found = _performed(call, perform, secrets)
        raise typer.Exit(int(_shown(call, found, finish, secrets).exit_code))


def _performed(call: Call, perform: Callable[[list[Secret]], Result], secrets: list[Secret]) -> Result:
    try:
        return perform(secrets)
    except MemdeployError as error:
        return _failure(call, error)
    except KeyboardInterrupt as stopped:
        return _failure(call, signals.interrupted(stopped, _go_on(call)))
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        return _failure(call, _defect(error, call, secrets))


def _shown(call: Call, found: Result, finish: Finish | None, secrets: list[Secret]) -> Result:
    """What was shown: `found`, or that it could not be."""
    try:
        found = found if finish is None else finish(found)
        show.result(call, found)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read us has enough (`memdeploy plan | head`); how it ended stays
        streams.silence()
    except OSError as error:
        streams.silence()
        lost = _failure(call, streams.unwritten(error))
        show.problems(lost.errors, call.seams.environ)
        found = found if found.exit_code else lost  # what was not done, or stopped, says more
    except Exception as error:
        found = _failure(call, _defect(error, call, secrets))
        show.result(call, found)
    return found


def _silence_libraries() -> None:
    """What SDKs and drivers log or warn of would stand on stderr between our own lines, and beside --json. What matters
    of it comes as an exception."""
    logging.getLogger().addHandler(logging.NullHandler())
    logging.captureWarnings(True)


def _perform(call: Call, own: dict[str, Any], secrets: list[Secret]) -> Result:
    loaded = _load(call)
    with show.screen(call) as shown, show.events_to(shown, call.run.get("events")) as sink:
        _tell(sink, call, loaded.notices)
        command = call.seams.command(call.command)
        given = {"secrets": _given(call, sink, secrets), "hidden": _hidden(call, shown, secrets)}
        request = _request(call, loaded, {**own, **given}, shown)
        with signals.stops(request.cancel, lambda name: _stopping(sink, call, name)):
            return command(request, sink)


def _load(call: Call) -> Loaded:
    from memdeploy.config.load import load

    return load(
        file=call.run.get("file"),
        flags=call.flags,
        environ=call.seams.environ,
        folder=call.seams.folder,
        others=_OTHER_VARIABLES,
        default_file=call.command in _CONFIGURED or naming.files_own(call),
    )


def _request(call: Call, loaded: Loaded, own: dict[str, Any], shown: Screen) -> Request:
    from memdeploy.lifecycle.request import Request

    interactive = _interactive(call)
    line = {name: _absolute(call, call.run[name]) for name in _FROM_LINE if name in call.run}
    backing = call.run.get("backing")
    if backing is not None:
        line["backing"] = str(backing)
    typed = ask.typed_name(lambda: shown.view.facts.get("deployment") or loaded.name)
    return Request(
        command=call.command,
        deployment=loaded.deployment,
        name=loaded.name,
        explicit=frozenset(loaded.given),
        given=loaded.given,
        interactive=interactive,
        confirm=show.asker(shown, call, typed if own.get("delete_data") else ask.yes_or_no) if interactive else None,
        from_file=loaded.from_file,
        **line,
        **own,
    )


def _interactive(call: Call) -> bool:
    return call.seams.terminal() and not call.json and not in_ci(call.seams.environ)


def _absolute(call: Call, value: Any) -> Any:
    """Paths of the line are relative to where the command was typed, whoever opens them."""
    return call.seams.folder / value.expanduser() if isinstance(value, Path) else value


def _given(call: Call, sink: Sink, secrets: list[Secret]) -> Callable[[Deployment], Mapping[str, Secret]]:
    """What the user gives, by field of `Context`: read once it is known which configuration says where."""

    def read(deployment: Deployment) -> Mapping[str, Secret]:
        if call.command not in _NEEDS_KEY:
            return {}
        from memdeploy.config import key

        environ = call.seams.environ
        model, neo4j = key.read(deployment.model, environ), key.password(deployment.neo4j, environ)
        _tell(sink, call, (*model.notices, *neo4j.notices))
        found = {"model_key": model.value, "neo4j_password": neo4j.value}
        given = {name: value for name, value in found.items() if value is not None}
        secrets.extend(given.values())
        return given

    return read


def _hidden(call: Call, shown: Screen, secrets: list[Secret]) -> Callable[[str], str] | None:
    """For a key that nothing else gives: only where somebody can type it, and for the one command that stores it."""
    if call.command != _ASKS_FOR_KEY or not _interactive(call):
        return None
    from memdeploy.secret import Secret

    def ask_for(question: str) -> str:
        with shown.paused():
            text = ask.hidden(question)
        secrets.extend([Secret(text)] if text else [])
        return text

    return ask_for


def _tell(sink: Sink, call: Call, notices: tuple[str, ...]) -> None:
    from memdeploy.engine.events import Event, EventKind

    for text in notices:
        sink(Event(EventKind.NOTICE, call.seams.now(), data={"text": text, "level": "warning"}))


def _stopping(sink: Sink, call: Call, name: str) -> None:
    from memdeploy.engine.events import Event, EventKind

    sink(Event(EventKind.STOPPING, call.seams.now(), data={"signal": name}))


def _failure(call: Call, error: MemdeployError) -> Result:
    from memdeploy.lifecycle.result import failure

    return failure(call.command, error)


def _go_on(call: Call) -> str | None:
    return (
        f"Run `memdeploy {call.command}` again; it goes on from there." if call.command in ("up", "destroy") else None
    )


def _defect(error: BaseException, call: Call, secrets: list[Secret]) -> MemdeployError:
    return crash.defect(error, secrets, call.seams.environ)


def _unattended(error: BaseException, call: Call, secrets: list[Secret]) -> None:
    """The command goes on, or fails of its own; --json has one document, which is not this."""
    problem = _defect(error, call, secrets)
    if not call.json:
        show.problems(_failure(call, problem).errors, call.seams.environ)
