"""Search's store without a graph: segments and links in SQL, a vector for each link (event memory of 0.4.0).

A memory is found when it has segments and every link of theirs has its vector (memmachine-server 0.4.0,
episodic_memory/event_memory/event_memory.py, which writes segments first and vectors second).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import Any

import relational
from halves import Searchable

NAMESPACE = uuid.UUID("8c2c0e0a-3a2f-4b9c-9d1f-9b6c2a3a4f7e")
"""Of event ids (episodic_memory/long_term_memory/long_term_memory.py: `_EVENT_UUID_NAMESPACE`)."""
VECTORS = "long_term_memory"
"""Namespace of collections (long_term_memory/service_locator.py: `_EVENT_BACKEND_NAMESPACE`)."""
BATCH = 500


def event(uid: str) -> str:
    """The event that a memory becomes."""
    return str(uuid.uuid5(NAMESPACE, uid))


async def look(engine: Any, vectors: Any, partition: str, stored: frozenset[str]) -> Searchable:
    """`vectors`: MemMachine's collection of that partition, None when there is none. Strays keep their event's id."""
    links = await _links(engine, partition)
    have = await _vectors(vectors, [link for parts in links.values() for link in parts])
    uids = {event(uid): uid for uid in stored}
    whole = {uids.get(each, each) for each, parts in links.items() if parts and parts <= have}
    return Searchable(frozenset(whole), frozenset({uids.get(each, each) for each in links} - whole))


async def _links(engine: Any, partition: str) -> dict[str, set[str]]:
    """Event -> its links, also of events that have none."""
    query = """
        SELECT s.event_uuid, l.uuid FROM segment_store_pt p
        JOIN segment_store_sg s ON s.incarnation = p.incarnation
        LEFT JOIN segment_store_dv_ln l ON l.incarnation = s.incarnation AND l.segment_uuid = s.uuid
        WHERE p.partition_key = :partition"""
    found: dict[str, set[str]] = defaultdict(set)
    async with engine.connect() as connection:
        async for each, link in await connection.stream(relational.statement(query), {"partition": partition}):
            parts = found[relational.text(each)]
            if link is not None:
                parts.add(relational.text(link))
    return found


async def _vectors(collection: Any, links: list[str]) -> set[str]:
    if collection is None:
        return set()
    found: set[str] = set()
    for start in range(0, len(links), BATCH):
        batch = [uuid.UUID(link) for link in links[start : start + BATCH]]
        records = await collection.get(record_uuids=batch, return_vector=False, return_properties=False)
        found |= {str(record.uuid) for record in records}
    return found
