"""memdeploy status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from memdeploy.cli.invoke import invoke, run
from memdeploy.cli.naming import named
from memdeploy.cli.options import COMMON, IDENTITY, Call, takes

if TYPE_CHECKING:
    from memdeploy.lifecycle.result import Result


@takes("status", config=IDENTITY, run=COMMON)
def status(
    call: Call,
    cached: Annotated[
        bool, typer.Option("--cached", envvar="MEMDEPLOY_CACHED", help="What the journal remembers; asks no cloud.")
    ] = False,
) -> None:
    """Look at every step, the service's health, its URL.

    Is each thing there, does it differ from what was wanted? --cached asks no cloud and says how old its answer is.
    """
    if cached:
        run(call, lambda secrets: _remembered(call))
    invoke(call)


def _remembered(call: Call) -> Result:
    from memdeploy.lifecycle.cached import cached

    return cached(call.run["state"], named(call), call.seams.now())
