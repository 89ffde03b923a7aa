"""Search's store in Neo4j: a node for each memory, one or more derivatives with a vector, a relationship between them.

A search goes from vectors over relationships to memories, so a memory without a relationship is never found
(memmachine-server 0.2.6 to 0.4.0, episodic_memory/declarative_memory/declarative_memory.py, written in three
transactions).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from halves import Searchable

PREFIX = "SANITIZED_"


def sanitized(name: str) -> str:
    """As MemMachine names labels and relationships (common/vector_graph_store/neo4j_vector_graph_store.py)."""
    return PREFIX + "".join(c if c.isalnum() else f"_u{ord(c):x}_" for c in name)


def plain(label: str) -> str:
    """The name that a label was made from."""
    return re.sub(r"_u([0-9a-fA-F]+)_", lambda match: chr(int(match[1], 16)), label.removeprefix(PREFIX))


async def projects(driver: Any) -> list[str]:
    """Keys of the projects that have memories in the graph. Neo4j never forgets a label, so they are looked at."""
    records, _, _ = await driver.execute_query("CALL db.labels() YIELD label RETURN label")
    labels = [record["label"] for record in records if record["label"].startswith(sanitized("Episode_"))]
    found = []
    for label in labels:
        records, _, _ = await driver.execute_query(f"MATCH (n:`{label}`) RETURN n.uid LIMIT 1")
        if records:
            found.append(plain(label).removeprefix("Episode_"))
    return found


async def look(driver: Any, key: str) -> Searchable:
    episode, derivative, relation = (sanitized(f"{kind}_{key}") for kind in ("Episode", "Derivative", "DERIVED_FROM"))
    counts: Counter[str] = Counter()
    linked: set[str] = set()
    async with driver.session() as session:
        query = f"MATCH (n:`{episode}`) RETURN n.uid AS uid, EXISTS {{ (n)<-[:`{relation}`]-() }} AS linked"
        async for record in await session.run(query):
            counts[str(record["uid"])] += 1
            if record["linked"]:
                linked.add(str(record["uid"]))
        query = f"MATCH (n:`{derivative}`) WHERE NOT EXISTS {{ (n)-[:`{relation}`]->() }} RETURN n.uid AS uid"
        loose = {str(record["uid"]) async for record in await session.run(query)}
    return Searchable(
        whole=frozenset(linked),
        partial=frozenset(counts.keys() - linked),
        doubled=frozenset(uid for uid, count in counts.items() if count > 1),
        loose=frozenset(loose),
    )


async def drop_loose(driver: Any, key: str, uids: tuple[str, ...]) -> None:
    """Removes derivatives that belong to no memory, unless one came to belong meanwhile."""
    derivative, relation = sanitized(f"Derivative_{key}"), sanitized(f"DERIVED_FROM_{key}")
    await driver.execute_query(
        f"UNWIND $uids AS uid MATCH (n:`{derivative}` {{uid: uid}}) "
        f"WHERE NOT EXISTS {{ (n)-[:`{relation}`]->() }} DETACH DELETE n",
        uids=list(uids),
    )
