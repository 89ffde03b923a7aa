"""memdeploy rehearsal: the embedded cloud as a server of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memdeploy.cli.invoke import run
from memdeploy.cli.options import REHEARSAL, Call, RunOption, takes
from memdeploy.errors import MemdeployError, UsageError

if TYPE_CHECKING:
    from memdeploy.lifecycle.result import Result

_JSON = RunOption("json", "--json", bool, False, "One JSON document on stdout, nothing else.")
_STATE = RunOption("state", "--state", Path | None, None, "Its folder; default: the one that --rehearse uses.", "DIR")


class RehearsalFailed(MemdeployError):
    """The server could not start or stop; nothing was changed in a cloud, there is none."""

    code = "rehearsal"


def build() -> typer.Typer:
    app = typer.Typer(
        help="The embedded copy of the cloud, as a server on loopback.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    app.command("serve")(serve)
    app.command("stop")(stop)
    return app


@takes("rehearsal serve", config=("provider",), run=(_STATE, *REHEARSAL))
def serve(
    call: Call,
    port: Annotated[
        int, typer.Option("--port", metavar="N", envvar="MEMDEPLOY_PORT", min=0, max=65535, help="0: any.")
    ] = 0,
) -> None:
    """Answer as the cloud would, in the foreground, until Ctrl-C.

    Point clients at it with MEMDEPLOY_GCP_ENDPOINT (and MEMDEPLOY_GCP_TOKEN_FILE, with containers behind it).
    """
    run(call, lambda secrets: _served(call, port))


@takes("rehearsal stop", config=("provider",), run=(_STATE, _JSON))
def stop(
    call: Call,
    remove: Annotated[
        bool, typer.Option("--remove", envvar="MEMDEPLOY_REMOVE", help="Its containers, volumes and networks too.")
    ] = False,
) -> None:
    """Stop the server that `up --rehearse` started. Its state stays, `up` goes on with it."""
    run(call, lambda secrets: _stopped(call, remove))


def _served(call: Call, port: int) -> Result:
    from memdeploy.lifecycle.result import Result
    from memdeploy.rehearsal.serving import Busy, Options, serve

    world = call.run["world"]
    options = Options(
        state=_folder(call),
        port=port,
        world=_absolute(call, world) if world is not None else None,
        time_scale=call.run["time_scale"],
        faults=call.run["faults"],
        backing=call.run["backing"].value,
    )
    try:
        code = serve(options)
    except (Busy, OSError, ValueError, RuntimeError) as error:
        raise RehearsalFailed(str(error), code="rehearsal-unavailable", where="rehearsal serve") from error
    return Result("rehearsal serve", "error" if code else "success", code)


def _stopped(call: Call, remove: bool) -> Result:
    from memdeploy.lifecycle.result import Result
    from memdeploy.rehearsal import process

    folder = _folder(call)
    found = process.running(folder)
    try:
        (process.remove_everything if remove else process.stop)(folder)
    except process.RehearsalError as error:
        raise RehearsalFailed(str(error), code="rehearsal-unavailable", where="rehearsal stop") from error
    if not call.json:
        sys.stderr.write("stopped\n" if found else f"no rehearsal runs in {folder}\n")
    return Result("rehearsal stop", "success", data={"stopped": found is not None, "folder": str(folder)})


def _folder(call: Call) -> Path:
    """The folder named with --state, else the one that `--rehearse` keeps beside the journals."""
    provider = call.flags.get("provider") or call.seams.environ.get("MEMDEPLOY_PROVIDER") or "gcp"
    if provider != "gcp":
        raise UsageError(f"a rehearsal of {provider} is not in this version", where="--provider")
    state = call.run.get("state")
    if state is not None and call.command == "rehearsal serve":
        return _absolute(call, state)
    from memdeploy.lifecycle.rehearsing import FOLDER
    from memdeploy.state.deployments import default_root

    return (default_root() if state is None else _absolute(call, state)) / FOLDER / provider


def _absolute(call: Call, path: Path) -> Path:
    return call.seams.folder / path.expanduser()
