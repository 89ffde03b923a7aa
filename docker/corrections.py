"""What MemMachine gets wrong inside its own process and no configuration puts right. Applied before it starts, in the
releases that have the fault (`releases/<version>.json`).

`semantic-service`: `SemanticResourceManager.get_semantic_service` (memmachine-server 0.3.9 and 0.4.0) builds the one
semantic service without a lock. A start that finds projects still to be deleted builds it several times at once: for itself and for the worker
that deletes. Each time alembic runs its migrations, and alembic keeps the running one in module globals: two at once
end in `KeyError: 'config'`, and the server's start with them. That comes back at every start until those projects are
gone. 0.2.6 has no worker that deletes.
"""

from __future__ import annotations

import asyncio
import functools
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

from release import Release

Method = Callable[[Any], Awaitable[Any]]


def apply(release: Release) -> None:
    if "semantic-service" not in release.corrections:
        return
    manager = release.part("common.resource_manager.semantic_manager").SemanticResourceManager
    manager.get_semantic_service = one_at_a_time(manager.get_semantic_service)


def one_at_a_time(method: Method) -> Method:
    """For each instance: whoever comes meanwhile waits, and then finds what the first one built."""
    locks: weakref.WeakKeyDictionary[Any, asyncio.Lock] = weakref.WeakKeyDictionary()

    @functools.wraps(method)
    async def waiting(self: Any) -> Any:
        async with locks.setdefault(self, asyncio.Lock()):
            return await method(self)

    return waiting
