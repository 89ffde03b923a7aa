"""MemMachine's own parts, opened for a short while without its server: no background work ever begins here."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import AsyncIterator
from typing import Any

MODULES = ("memmachine_server", "memmachine")  # the second until 0.2.6


def part(name: str) -> Any:
    """A module of MemMachine by its name below the package."""
    for module in MODULES:
        if importlib.util.find_spec(module):
            return importlib.import_module(f"{module}.{name}")
    raise ModuleNotFoundError(MODULES[0])


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
