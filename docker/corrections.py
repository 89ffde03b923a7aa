"""What MemMachine gets wrong inside its own process and no configuration puts right. Applied before it starts.

`SemanticResourceManager.get_semantic_service` (memmachine-server 0.4.0) builds the one semantic service without
a lock. A start that finds projects still to be deleted builds it several times at once: for itself and for the worker
that deletes. Each time alembic runs its migrations, and alembic keeps the running one in module globals: two at once
end in `KeyError: 'config'`, and the server's start with them. That comes back at every start until those projects are
gone.
"""

from __future__ import annotations

import asyncio
import functools
import weakref
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import graph

Method = Callable[[Any], Awaitable[Any]]


def apply() -> None:
    from memmachine_server.common.resource_manager import semantic_manager
    from memmachine_server.common.vector_graph_store import neo4j_vector_graph_store

    manager = semantic_manager.SemanticResourceManager
    manager.get_semantic_service = one_at_a_time(manager.get_semantic_service)
    graph.apply(neo4j_vector_graph_store, version("memmachine-server"))


def one_at_a_time(method: Method) -> Method:
    """For each instance: whoever comes meanwhile waits, and then finds what the first one built."""
    locks: weakref.WeakKeyDictionary[Any, asyncio.Lock] = weakref.WeakKeyDictionary()

    @functools.wraps(method)
    async def waiting(self: Any) -> Any:
        async with locks.setdefault(self, asyncio.Lock()):
            return await method(self)

    return waiting
