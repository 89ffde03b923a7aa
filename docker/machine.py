"""MemMachine's own parts, opened for a short while without its server: no background work ever begins here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

import release


def part(name: str) -> Any:
    """A module of MemMachine by its name below the package."""
    return release.find(os.environ).part(name)


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Any]:
    """Its resources, by the configuration that MEMORY_CONFIG names; never started."""
    machine = await part("server.api_v2.mcp").initialize_resource()
    resources = machine.resource_manager
    try:
        yield resources
    finally:
        with contextlib.suppress(Exception):  # a bad goodbye undoes nothing
            await resources.close()
