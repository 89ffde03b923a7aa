"""memdeploy status."""

from __future__ import annotations

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import COMMON, IDENTITY, Call, takes


@takes("status", config=IDENTITY, run=COMMON)
def status(call: Call) -> None:
    """Look at every step: is it there, does it differ, is the service healthy; its URL."""
    invoke(call)
