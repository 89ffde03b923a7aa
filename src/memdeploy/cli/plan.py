"""memdeploy plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import ALL_CONFIG, COMMON, REHEARSAL, Call, takes
from memdeploy.errors import ExitCode

if TYPE_CHECKING:
    from memdeploy.lifecycle.result import Result


@takes("plan", config=ALL_CONFIG, run=(*COMMON, *REHEARSAL))
def plan(
    call: Call,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", envvar="MEMDEPLOY_EXIT_CODE", help="Exit 10 when there are changes.")
    ] = False,
    costs: Annotated[
        bool, typer.Option("--costs", envvar="MEMDEPLOY_COSTS", help="The monthly estimate by line.")
    ] = False,
    live_prices: Annotated[
        bool,
        typer.Option(
            "--live-prices", envvar="MEMDEPLOY_LIVE_PRICES", help="By line, with the cloud's own prices of now."
        ),
    ] = False,
) -> None:
    """Show what `up` would do and what it costs a month. Changes nothing."""
    invoke(call, {"costs": costs, "live_prices": live_prices}, finish=_pending if exit_code else None)


def _pending(found: Result) -> Result:
    if found.data.get("pending") and found.exit_code == ExitCode.DONE:
        return replace(found, exit_code=int(ExitCode.CHANGES_PENDING))
    return found
