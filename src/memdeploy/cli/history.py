"""memdeploy history."""

from __future__ import annotations

from typing import Annotated

import typer

from memdeploy.cli.invoke import run as invoke
from memdeploy.cli.naming import named
from memdeploy.cli.options import JOURNALS, Call, takes


@takes("history", config=("name",), run=JOURNALS)
def history(
    call: Call,
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="One run, by its id or the beginning of it: its steps.")
    ] = None,
) -> None:
    """The last 20 runs: what, when, who, how they ended.

    Runs that changed the deployment, whether they ended well or not; one of them by its id: its steps.
    """
    from memdeploy.lifecycle.history import history as past

    invoke(call, lambda secrets: past(call.run["state"], named(call), run))
