"""memdeploy plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import ALL_CONFIG, COMMON, REHEARSAL, Call, takes
from memdeploy.errors import ExitCode

if TYPE_CHECKING:
    from memdeploy.lifecycle.result import Result

#: Actions after which `up` would leave everything as it is.
_NO_CHANGE = ("unchanged", "kept", "orphan", "may-change")


@takes("plan", config=ALL_CONFIG, run=(*COMMON, *REHEARSAL))
def plan(
    call: Call,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", envvar="MEMDEPLOY_EXIT_CODE", help="Exit 10 when there are changes.")
    ] = False,
) -> None:
    """Show what `up` would do and what it costs a month. Changes nothing."""
    invoke(call, finish=_pending if exit_code else None)


def _pending(found: Result) -> Result:
    changes = any(_changes(action) for action in found.data.get("actions") or ())
    if changes and found.exit_code == ExitCode.DONE:
        return replace(found, exit_code=int(ExitCode.CHANGES_PENDING))
    return found


def _changes(action: Mapping[str, Any]) -> bool:
    return action.get("action") not in _NO_CHANGE
