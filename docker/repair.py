"""Stores half-stored memories whole, under their own uid, with MemMachine's own code. Repeat it whenever it was ended.

The relational store is only read: a memory that is being repaired is in it all the time. In search's store it is
removed first, whatever is there of it, then stored as `add` does; ended in between, it is half-stored as before.

A server that runs beside is left alone: what it is just storing looks half-stored too, so a memory counts only when
two looks with SETTLING between them agree. SERVICE_STOPPED=yes says that nothing runs beside, and saves the wait.
What search finds but is stored nowhere is told, never removed: the graph has its only copy.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from typing import Any

import graph
import looking
import machine
import words
from halves import Look, Task, tasks

DEADLINE = 3600.0
SETTLING = 75.0  # MemMachine gives an add up after 31 to 59 s
BATCH = 50
STOPPED = "SERVICE_STOPPED"


async def repair(place: words.Place) -> dict[str, Any]:
    async with place.reached(alone=True), machine.opened() as resources:
        return await all_projects(resources, stopped=os.environ.get(STOPPED) == "yes")


async def all_projects(resources: Any, *, stopped: bool) -> dict[str, Any]:
    """How many were repaired, and the look afterwards. The caller holds a lock against another repair."""
    before = await looking.look(resources)
    todo = await agreed(resources, before, stopped=stopped)
    repaired = sum([await project(resources, task) for task in todo])
    after = await looking.look(resources) if todo else before
    return {
        "repaired": repaired, "loose_removed": sum(len(task.loose) for task in todo),
        **after.line(),
    }  # fmt: skip


async def agreed(resources: Any, before: Look, *, stopped: bool) -> list[Task]:
    todo = tasks(before)
    if stopped or not todo:
        return todo
    print(f"memdeploy: waiting {SETTLING:.0f} s for what a running server is just storing", file=sys.stderr, flush=True)
    await asyncio.sleep(SETTLING)
    return tasks(before, await looking.look(resources))


async def project(resources: Any, task: Task) -> int:
    """How many memories were stored."""
    settings = await looking.settings_of(resources, task.key)
    if settings is None:  # its project went away meanwhile
        return 0
    stored = 0
    store = await resources.get_episode_storage()
    manager = await resources.get_episodic_memory_manager()
    async with manager.open_episodic_memory(task.key) as memory:
        memory.short_term_memory = None  # this process's own, and it would ask a language model
        for start in range(0, len(task.uids), BATCH):
            stored += await whole(store, memory, task.uids[start : start + BATCH])
            done = min(start + BATCH, len(task.uids))
            print(f"memdeploy: {task.key}: {done} of {len(task.uids)} stored", file=sys.stderr, flush=True)
    if task.loose and looking.in_graph(settings):
        driver = await resources.get_neo4j_driver(settings.vector_graph_store)
        await graph.drop_loose(driver, task.key, task.loose)
    return stored


async def whole(store: Any, memory: Any, uids: tuple[str, ...]) -> int:
    episodes = [episode for uid in uids if (episode := await store.get_episode(_key(uid))) is not None]
    if not episodes:  # deleted meanwhile
        return 0
    await memory.long_term_memory.delete_episodes([episode.uid for episode in episodes])
    await memory.add_memory_episodes(episodes)
    return len(episodes)


def _key(uid: str) -> Any:
    """As this release's store takes it: a text of digits until 0.3.9, then a UUID."""
    return uid if uid.isdigit() else uuid.UUID(uid)


if __name__ == "__main__":
    words.run(repair, seconds=DEADLINE)
