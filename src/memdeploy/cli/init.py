"""memdeploy init."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memdeploy.cli import ask
from memdeploy.cli.invoke import run
from memdeploy.cli.options import ALL_CONFIG, COMMON, Call, takes
from memdeploy.errors import UsageError

if TYPE_CHECKING:
    from memdeploy.lifecycle.result import Result

_FILE = "memdeploy.yaml"
_PROJECT = "gcp.project"


@takes("init", config=ALL_CONFIG, run=tuple(option for option in COMMON if option.parameter in ("file", "json")))
def init(
    call: Call,
    schema: Annotated[
        bool, typer.Option("--schema", envvar="MEMDEPLOY_SCHEMA", help="The JSON Schema for editors beside it.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", envvar="MEMDEPLOY_FORCE", help="Write over a file that is there.")
    ] = False,
) -> None:
    """Write a commented memdeploy.yaml.

    What the flags say is set, every other option stands there as a comment.
    """
    run(call, lambda secrets: _written(call, schema=schema, force=force))


def _written(call: Call, *, schema: bool, force: bool) -> Result:
    from memdeploy.config.template import SCHEMA_FILE, template
    from memdeploy.lifecycle.result import Result

    values = _values(call)
    path = call.seams.folder / (call.run.get("file") or _FILE)
    files = [_write(path, template(values), force=force)]
    if schema:
        files.append(_write(path.with_name(SCHEMA_FILE), _schema(), force=True))
    return Result("init", "success", data={"files": [str(file) for file in files]})


def _values(call: Call) -> Mapping[str, Any]:
    """Checked as `plan` will check them. On a terminal the project is asked for: nobody has a default for it."""
    from memdeploy.config.load import load

    flags = {"provider": "gcp", **call.flags}
    if _PROJECT not in flags and call.seams.terminal() and not call.json:
        answer = ask.text("Google Cloud project id (empty: later)")
        flags |= {_PROJECT: answer} if answer else {}
    nowhere = call.seams.folder / ".memdeploy-init"
    return load(file=None, flags=flags, environ={}, folder=nowhere).given


def _schema() -> str:
    import json

    from memdeploy.config.schema import schema

    return json.dumps(schema(), indent=2) + "\n"


def _write(path: Path, text: str, *, force: bool) -> Path:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"{path} is there already", code="exists", where=str(path), suggestion="Add --force to write over it."
        ) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", where=str(path)) from error
    return path
