"""memdeploy up."""

from __future__ import annotations

from typing import Annotated

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import ALL_CONFIG, COMMON, REHEARSAL, RUNNING, Call, takes


@takes("up", config=ALL_CONFIG, run=(*COMMON, *REHEARSAL, *RUNNING))
def up(
    call: Call,
    replace: Annotated[
        list[str] | None,
        typer.Option(
            "--replace",
            envvar="MEMDEPLOY_REPLACE",
            metavar="STEP",
            help="This step may be removed and made again, where it cannot be changed in place; repeatable. "
            "Steps that hold data refuse always.",
        ),
    ] = None,
    delete_data: Annotated[
        bool,
        typer.Option(
            "--delete-data",
            envvar="MEMDEPLOY_DELETE_DATA",
            help="Data that an edit of the configuration left behind goes too, after a final backup.",
        ),
    ] = False,
) -> None:
    """Deploy or bring up to date, and print the URL.

    Ends when a memory was stored and found. Shows the plan and asks, unless --yes. Whatever interrupts it: run it
    again, it goes on from there.
    """
    invoke(call, {"replace": frozenset(replace or ()), "delete_data": delete_data})
