"""What MemMachine gets wrong inside its own process and no configuration puts right. Applied before it starts, in the
releases that have the fault (`releases/<version>.json`).

`semantic-service`: `SemanticResourceManager.get_semantic_service` (memmachine-server 0.3.9 and 0.4.0) builds the one
semantic service without a lock. A start that finds projects still to be deleted builds it several times at once: for
itself and for the worker that deletes. Each time alembic runs its migrations, and alembic keeps the running one in
module globals: two at once end in `KeyError: 'config'`, and the server's start with them. That comes back at every
start until those projects are gone. 0.2.6 has no worker that deletes.

`index-save`: `USearchVectorSearchEngine.save` (memmachine-server 0.3.9 and 0.4.0) writes the index of vectors in the
place of the one that is there. A server that ends meanwhile leaves half of it, and no start reads it any more
(`IndexLoadError`): the vectors of all memories but the newest are only there.

`nearest`: a search does not see what is nearest, once a project has an index of vectors (`nearest.py`).

`search-at-once`: a search asks Neo4j fifty times for what it could ask once (`together.py`).
"""

from __future__ import annotations

import asyncio
import functools
import os
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import nearest
import on_disk
import together
from release import Release

Method = Callable[[Any], Awaitable[Any]]


def apply(release: Release) -> None:
    if "semantic-service" in release.corrections:
        manager = release.part("common.resource_manager.semantic_manager").SemanticResourceManager
        manager.get_semantic_service = one_at_a_time(manager.get_semantic_service)
    if "index-save" in release.corrections and os.environ.get(on_disk.VARIABLE):
        index = release.part("common.vector_store.vector_search_engine.usearch_engine").USearchVectorSearchEngine
        index.save = whole_or_not(index.save)
    if not os.environ.get(on_disk.VARIABLE):
        _in_the_graph(release)


def _in_the_graph(release: Release) -> None:
    known = {"nearest": nearest.apply, "search-at-once": together.apply}
    for name in known.keys() & set(release.corrections):
        known[name](release.part("common.vector_graph_store.neo4j_vector_graph_store"))


def whole_or_not(save: Callable[[Any, str], Awaitable[None]]) -> Callable[[Any, str], Awaitable[None]]:
    """Writes beside, to the disk, then renames."""

    @functools.wraps(save)
    async def saving(self: Any, path: str) -> None:
        draft = f"{path}.new"
        await save(self, draft)
        await asyncio.to_thread(settle, draft, path)

    return saving


def settle(draft: str, path: str) -> None:
    with Path(draft).open("rb") as file:
        os.fsync(file.fileno())
    Path(draft).replace(path)


def one_at_a_time(method: Method) -> Method:
    """For each instance: whoever comes meanwhile waits, and then finds what the first one built."""
    locks: weakref.WeakKeyDictionary[Any, asyncio.Lock] = weakref.WeakKeyDictionary()

    @functools.wraps(method)
    async def waiting(self: Any) -> Any:
        async with locks.setdefault(self, asyncio.Lock()):
            return await method(self)

    return waiting
