"""memdeploy outputs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import COMMON, IDENTITY, Call, takes

if TYPE_CHECKING:
    from memdeploy.lifecycle.result import Result


@takes("outputs", config=IDENTITY, run=COMMON)
def outputs(
    call: Call,
    env: Annotated[
        bool, typer.Option("--env", envvar="MEMDEPLOY_ENV", help="Shell exports: eval `memdeploy outputs --env`.")
    ] = False,
) -> None:
    """Print the endpoints, for people or for programs."""
    invoke(call, finish=_exports if env and not call.json else None)


def _exports(found: Result) -> Result:
    """Writes the exports in place of what is shown for people."""
    from dataclasses import replace

    from memdeploy.report.results.outputs import exports

    lines = exports(found.data)
    sys.stdout.write(f"{lines}\n" if lines else "")
    return replace(found, data={})
