"""memdeploy list."""

from __future__ import annotations

from memdeploy.cli.invoke import run
from memdeploy.cli.options import JOURNALS, Call, takes


@takes("list", config=(), run=tuple(option for option in JOURNALS if option.parameter != "file"))
def list_(call: Call) -> None:
    """All deployments, from their journals: asks no cloud."""
    from memdeploy.lifecycle.listing import listing

    run(call, lambda secrets: listing(call.run["state"], call.seams.now()))
