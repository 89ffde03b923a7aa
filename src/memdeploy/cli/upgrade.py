"""memdeploy upgrade, memdeploy rollback and memdeploy rescue."""

from __future__ import annotations

from typing import Annotated

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import ALL_CONFIG, COMMON, IDENTITY, RUNNING, Call, takes
from memdeploy.errors import UsageError

MODEL_OPTIONS = tuple(path for path in ALL_CONFIG if path.startswith("model."))


@takes("upgrade", config=(*IDENTITY, *MODEL_OPTIONS), run=(*COMMON, *RUNNING))
def upgrade(
    call: Call,
    to: Annotated[
        str | None,
        typer.Option("--to", envvar="MEMDEPLOY_TO", metavar="VERSION", help="MemMachine release; default: the newest."),
    ] = None,
    migrate: Annotated[
        bool,
        typer.Option(
            "--migrate",
            envvar="MEMDEPLOY_MIGRATE",
            help="Carry the memories into a new deployment through both APIs, where the old databases cannot be kept"
            " (0.3.9 to 0.4.0), or into another embedding model.",
        ),
    ] = False,
    into: Annotated[
        str | None,
        typer.Option(
            "--into", envvar="MEMDEPLOY_INTO", metavar="NAME", help="With --migrate: name of the new deployment."
        ),
    ] = None,
) -> None:
    """Move to another release of MemMachine, with every memory.

    A backup comes first. When the new release does not store and find a memory, both databases and the earlier release
    come back. Jumps that lose memories are refused before anything is touched; see `memdeploy releases`.
    """
    invoke(call, {"to": to, "migrate": migrate, "into": into}, before=lambda: _fit(call, migrate, into))


@takes("rollback", config=IDENTITY, run=(*COMMON, *RUNNING))
def rollback(call: Call) -> None:
    """Undo the last upgrade: its release and its memories.

    Both are as they were before it; what was stored since then is lost, so it asks.
    """
    invoke(call)


@takes("rescue", config=IDENTITY, run=(*COMMON, *RUNNING))
def rescue(call: Call) -> None:
    """Undo a start of 0.4.0 on the databases of 0.3.9.

    Looks first, and changes nothing when 0.4.0 has stored something there. Memories stay.
    """
    invoke(call)


def _fit(call: Call, migrate: bool, into: str | None) -> None:
    """Raises `UsageError` for flags that say nothing together."""
    if into and not migrate:
        raise UsageError("--into means nothing without --migrate", suggestion="Add --migrate.")
    model = [path for path in call.flags if path.startswith("model.")]
    if model and not migrate:
        raise UsageError(
            f"{', '.join(model)} cannot change in place", where="model",
            suggestion="Stored vectors are of the old model: --migrate carries the memories into the new one.",
        )  # fmt: skip
