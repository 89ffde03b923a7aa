"""memdeploy verify."""

from __future__ import annotations

from typing import Annotated

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import COMMON, IDENTITY, Call, takes
from memdeploy.errors import UsageError


@takes("verify", config=IDENTITY, run=COMMON)
def verify(
    call: Call,
    data: Annotated[
        bool,
        typer.Option("--data", envvar="MEMDEPLOY_DATA", help="Count every memory in both databases, by project."),
    ] = False,
    repair: Annotated[
        bool,
        typer.Option("--repair", envvar="MEMDEPLOY_REPAIR", help="With --data: store whole what is half stored."),
    ] = False,
) -> None:
    """Store a memory, find it, remove it again. Health alone says nothing about a memory server."""
    invoke(call, {"data": data, "repair": repair}, before=lambda: _fit(data, repair))


def _fit(data: bool, repair: bool) -> None:
    if repair and not data:
        raise UsageError("--repair means nothing without --data", suggestion="Add --data.")
