"""memdeploy verify."""

from __future__ import annotations

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import COMMON, IDENTITY, Call, takes


@takes("verify", config=IDENTITY, run=COMMON)
def verify(call: Call) -> None:
    """Store a memory, find it, remove it again. Health alone says nothing about a memory server."""
    invoke(call)
