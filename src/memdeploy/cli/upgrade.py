"""memdeploy upgrade and memdeploy rollback."""

from __future__ import annotations

from typing import Annotated

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import COMMON, IDENTITY, RUNNING, Call, takes


@takes("upgrade", config=IDENTITY, run=(*COMMON, *RUNNING))
def upgrade(
    call: Call,
    to: Annotated[
        str | None,
        typer.Option("--to", envvar="MEMDEPLOY_TO", metavar="VERSION", help="MemMachine release; default: the newest."),
    ] = None,
) -> None:
    """Move to another release of MemMachine, with every memory.

    A backup comes first. When the new release does not store and find a memory, both databases and the earlier release
    come back. Jumps that lose memories are refused before anything is touched; see `memdeploy releases`.
    """
    invoke(call, {"to": to})


@takes("rollback", config=IDENTITY, run=(*COMMON, *RUNNING))
def rollback(call: Call) -> None:
    """Undo the last upgrade: its release and its memories.

    Both are as they were before it; what was stored since then is lost, so it asks.
    """
    invoke(call)
