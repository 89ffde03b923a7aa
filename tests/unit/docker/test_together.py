"""What MemMachine's search asks Neo4j at once becomes one question, with the same answers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import together

EPISODES = {"d1": ["e1"], "d2": ["e1", "e2"], "d3": []}


class Driver:
    """Answers as Neo4j does for `EPISODES`; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.parameters: list[dict[str, Any]] = []
        self.error: Exception | None = None

    async def execute_query(
        self, text: str, *, uids: list[str], node_query_filter_params: dict[str, Any]
    ) -> tuple[list[dict[str, str]], None, None]:
        self.asked.append((text, uids))
        self.parameters.append(node_query_filter_params)
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return [{"uid": uid, "n": node} for uid in uids for node in EPISODES[uid]], None, None


class Store:
    def __init__(self) -> None:
        self._driver = Driver()
        self.alone: list[dict[str, Any]] = []

    @staticmethod
    def _sanitize_name(name: str) -> str:
        return f"S_{name}"

    @staticmethod
    def _build_query_filter(alias: str, parameter: str, expression: Any) -> tuple[str, dict[str, Any]]:
        return ("TRUE", {}) if expression is None else (f"{alias}.team = ${parameter}.p", {"p": expression.team})

    @staticmethod
    def _nodes_from_neo4j_nodes(nodes: list[str]) -> list[str]:
        return [node.upper() for node in nodes]

    async def search_related_nodes(
        self, *, relation: str, other_collection: str, this_collection: str, this_node_uid: str,
        find_sources: bool = True, find_targets: bool = True, limit: int | None = None,
        edge_property_filter: Any = None, node_property_filter: Any = None,
    ) -> list[str]:  # fmt: skip
        self.alone.append({"uid": this_node_uid, "limit": limit, "filter": node_property_filter})
        return ["alone"]


@pytest.fixture
def store() -> Store:
    class Corrected(Store):
        pass

    module = SimpleNamespace(Neo4jVectorGraphStore=Corrected, _neo4j_query=lambda text: text)
    assert together.apply(module)
    return Corrected()


async def ask(store: Store, *uids: str, **more: Any) -> list[Any]:
    common = {"relation": "from", "other_collection": "episode", "this_collection": "derivative", **more}
    questions = [store.search_related_nodes(this_node_uid=uid, **{"find_sources": False, **common}) for uid in uids]
    return await asyncio.gather(*questions, return_exceptions=True)


def test_what_is_asked_at_once_is_one_question(store: Store) -> None:
    assert asyncio.run(ask(store, "d1", "d2", "d3", "d1")) == [["E1"], ["E1", "E2"], [], ["E1"]]
    [(text, uids)] = store._driver.asked
    assert uids == ["d1", "d2", "d3"]
    assert "(m:S_derivative {uid: uid})-[r:S_from]->(n:S_episode)" in text


def test_what_differs_or_comes_later_is_a_question_of_its_own(store: Store) -> None:
    async def twice() -> None:
        await asyncio.gather(ask(store, "d1"), ask(store, "d1", find_sources=True, find_targets=False))
        await ask(store, "d2")

    asyncio.run(twice())
    assert [uids for _, uids in store._driver.asked] == [["d1"], ["d1"], ["d2"]]
    assert "<-[r:S_from]-(n" in store._driver.asked[1][0]


def test_a_searchs_filter_narrows_its_one_question(store: Store) -> None:
    """Each search has a filter of its own; two that are asked in one turn are not mixed."""
    red, blue = SimpleNamespace(team="red"), SimpleNamespace(team="blue")

    async def both() -> None:
        asks = [ask(store, "d1", "d2", node_property_filter=each) for each in (red, blue)]
        assert await asyncio.gather(*asks) == [[["E1"], ["E1", "E2"]]] * 2

    asyncio.run(both())
    assert [uids for _, uids in store._driver.asked] == [["d1", "d2"]] * 2
    assert store._driver.parameters == [{"p": "red"}, {"p": "blue"}]
    assert "WHERE n.team = $node_query_filter_params.p\n" in store._driver.asked[0][0]
    assert store.alone == []


@pytest.mark.parametrize("narrowed", [{"limit": 1}, {"edge_property_filter": "x"}])
def test_what_is_narrowed_is_asked_as_before(store: Store, narrowed: dict[str, Any]) -> None:
    assert asyncio.run(ask(store, "d1", "d2", **narrowed)) == [["alone"], ["alone"]]
    assert [one["uid"] for one in store.alone] == ["d1", "d2"]
    assert store._driver.asked == []


def test_everybody_gets_the_error_and_the_next_question_works(store: Store) -> None:
    async def fail_then_work() -> list[Any]:
        store._driver.error = ConnectionError("gone")
        failed = await ask(store, "d1", "d2")
        store._driver.error = None
        return [*failed, *await ask(store, "d1")]

    first, second, third = asyncio.run(fail_then_work())
    assert isinstance(first, ConnectionError)
    assert isinstance(second, ConnectionError)
    assert third == ["E1"]


def test_whoever_went_away_holds_nobody_up(store: Store) -> None:
    async def leave() -> Any:
        going = asyncio.ensure_future(ask(store, "d1"))
        staying = asyncio.ensure_future(ask(store, "d2"))
        await asyncio.sleep(0)
        going.cancel()
        return await staying

    assert asyncio.run(leave()) == [["E1", "E2"]]


def test_of_the_nearest_only_the_uid_is_sent() -> None:
    query = together.only_uid(lambda text: text)
    nearest = "YIELD node AS n, score AS similarity\nWHERE TRUE\nRETURN n\nORDER BY similarity DESC\nLIMIT $limit"
    assert query(nearest).endswith("RETURN n {.uid} AS n\nORDER BY similarity DESC\nLIMIT $limit")
    assert query("MATCH (n) RETURN n\nORDER BY n.at DESC\n") == "MATCH (n) RETURN n\nORDER BY n.at DESC\n"


def test_another_method_keeps_its_own() -> None:
    class Other:
        async def search_related_nodes(self, *, relation: str, node_uid: str) -> None: ...

    before = Other.search_related_nodes
    assert not together.apply(SimpleNamespace(Neo4jVectorGraphStore=Other, _neo4j_query=str))
    assert Other.search_related_nodes is before
