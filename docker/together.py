"""MemMachine's search asks Neo4j once for what it asks fifty times. A correction (`corrections.py`) of its speed alone.

`DeclarativeMemory.search_scored` (memmachine-server 0.4.0, episodic_memory/declarative_memory) looks for the nearest
derivatives, five for each memory that is wanted, then asks for the memory of each with a query of its own, all at once;
of the derivatives it uses nothing but their uid, while their vectors are sent, too. Here what is asked in one turn of
the event loop becomes one query, and of the nearest only the uid is sent. What is found stays the same.

A release whose method is another keeps its own.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

NEAREST = "RETURN n\nORDER BY similarity DESC\n"
ONLY_UID = "RETURN n {.uid} AS n\nORDER BY similarity DESC\n"
RELATED = (
    "relation", "other_collection", "this_collection", "this_node_uid", "find_sources", "find_targets", "limit",
    "edge_property_filter", "node_property_filter",
)  # fmt: skip


def apply(module: Any) -> bool:
    """`module`: memmachine_server.common.vector_graph_store.neo4j_vector_graph_store. Says whether it was applied."""
    store = module.Neo4jVectorGraphStore
    known = tuple(inspect.signature(store.search_related_nodes).parameters)[1:] == RELATED
    if not known:
        return False
    store.search_related_nodes = Together(store.search_related_nodes, module._neo4j_query).method()
    module._neo4j_query = only_uid(module._neo4j_query)
    return True


def only_uid(query: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: query(text.replace(NEAREST, ONLY_UID))


@dataclass
class Batch:
    """Questions of one turn that differ in the node only, and who waits for their answers.

    `node_filter` is one object for all of them: MemMachine hands each search's own on as it is.
    """

    node_filter: Any
    questions: list[tuple[str, asyncio.Future[Any]]] = field(default_factory=list)


class Together:
    """Collects the questions of one turn of the event loop by what they have in common."""

    def __init__(self, alone: Callable[..., Any], query: Callable[[str], Any]) -> None:
        self._alone = alone
        self._query = query
        self._asked: dict[Any, Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def method(self) -> Callable[..., Any]:
        async def search_related_nodes(store: Any, **asked: Any) -> Any:
            narrowed = any(asked.get(name) is not None for name in ("limit", "edge_property_filter"))
            if narrowed or not (asked.get("find_sources", True) or asked.get("find_targets", True)):
                return await self._alone(store, **asked)
            return await self._question(store, asked)

        return search_related_nodes

    def _question(self, store: Any, asked: dict[str, Any]) -> asyncio.Future[Any]:
        names = ("relation", "other_collection", "this_collection")
        node_filter = asked.get("node_property_filter")
        key = (
            store,
            *(asked[name] for name in names),
            asked.get("find_sources", True),
            asked.get("find_targets", True),
            id(node_filter),
        )
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if key not in self._asked:
            self._asked[key] = Batch(node_filter)
            task = asyncio.create_task(self._answer(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._asked[key].questions.append((str(asked["this_node_uid"]), answer))
        return answer

    async def _answer(self, key: Any) -> None:
        store, relation, other, this, sources, targets, _ = key
        batch = self._asked.pop(key)
        try:
            condition, parameters = store._build_query_filter("n", "node_query_filter_params", batch.node_filter)
            clean = store._sanitize_name
            text = (
                "UNWIND $uids AS uid\n"
                f"MATCH (m:{clean(this)} {{uid: uid}}){'-' if targets else '<-'}[r:{clean(relation)}]"
                f"{'-' if sources else '->'}(n:{clean(other)})\n"
                f"WHERE {condition}\n"
                "RETURN DISTINCT uid, n"
            )
            uids = list(dict.fromkeys(uid for uid, _ in batch.questions))
            records, _, _ = await store._driver.execute_query(
                self._query(text), uids=uids, node_query_filter_params=parameters
            )
            found: dict[str, list[Any]] = {uid: [] for uid in uids}
            for record in records:
                found[record["uid"]].append(record["n"])
            nodes = {uid: store._nodes_from_neo4j_nodes(some) for uid, some in found.items()}
        except Exception as error:
            for _, answer in batch.questions:
                if not answer.done():
                    answer.set_exception(error)
            return
        for uid, answer in batch.questions:
            if not answer.done():  # whoever asked may have gone
                answer.set_result(nodes[uid])
