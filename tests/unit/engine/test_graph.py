"""The graph is checked whole before anything runs, and everything it says is deterministic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdeploy.engine.graph import Graph, GraphError
from memdeploy.engine.step import Ref, Step
from tests.unit.engine.toys import Toy


def step(name: str, *needs: str, seconds: float = 1.0, **more: object) -> Step:
    return Step(name, Toy(), needs=needs, seconds=seconds, **more)  # type: ignore[arg-type]


def test_an_empty_graph_is_a_graph() -> None:
    graph = Graph([])
    assert list(graph) == []
    assert graph.seconds() == 0.0


def test_order_is_topological_and_otherwise_as_given() -> None:
    graph = Graph([step("service", "sql", "image"), step("image"), step("sql", "network"), step("network")])
    assert graph.order() == ("image", "network", "sql", "service")
    assert [s.name for s in graph] == list(graph.order())


def test_a_name_twice_is_refused() -> None:
    with pytest.raises(GraphError, match=r"^two steps are named 'a'$"):
        Graph([step("a"), step("b"), step("a")])


def test_a_step_without_a_name_is_refused() -> None:
    with pytest.raises(GraphError, match="no name"):
        Graph([step("")])


def test_a_missing_need_is_named_with_its_step() -> None:
    with pytest.raises(GraphError, match=r"^step 'b' needs 'nowhere', which is no step$"):
        Graph([step("a"), step("b", "a", "nowhere")])


def test_a_ref_to_an_unknown_step_is_a_missing_need() -> None:
    with pytest.raises(GraphError, match="step 'a' needs 'gone'"):
        Graph([Step("a", Toy(), inputs={"deep": [{"x": Ref("gone", "id")}]})])


def test_keeps_of_an_unknown_step_is_refused() -> None:
    with pytest.raises(GraphError, match="step 'disk' keeps 'key', which is no step"):
        Graph([step("disk", keeps=("key",))])


def test_what_is_outlived_is_gone_before_with_all_that_needs_it() -> None:
    graph = Graph([Step("proof", Toy(), outlives=("base",)), step("base"), step("user", "base"), step("last", "proof")])
    assert graph.gone_before("proof") == {"base", "user", "last"}
    assert graph.gone_before("base") == {"user"}
    assert graph.needs("base") == ()
    assert graph.only(["last"]).gone_before("proof") == {"last"}


def test_the_cycle_is_spelt_out() -> None:
    with pytest.raises(GraphError, match=r"^steps need each other: b -> d -> c -> b$"):
        Graph([step("a"), step("b", "a", "d"), step("c", "b"), step("d", "c")])


def test_a_step_that_needs_itself_is_a_cycle() -> None:
    with pytest.raises(GraphError, match=r"^steps need each other: a -> a$"):
        Graph([step("a", "a")])


def test_refs_nested_anywhere_are_needs() -> None:
    graph = Graph([step("a"), step("b"), Step("c", Toy(), inputs={"x": {"y": [Ref("b", "id")]}}, needs=("a",))])
    assert graph.needs("c") == ("a", "b")
    assert graph.dependents("b") == ("c",)


def test_a_need_named_twice_counts_once() -> None:
    graph = Graph([step("a"), Step("b", Toy(), inputs={"x": Ref("a", "id"), "y": Ref("a", "n")}, needs=("a",))])
    assert graph.needs("b") == ("a",)
    assert graph.dependents("a") == ("b",)


def test_weight_is_the_longest_path_to_the_end() -> None:
    graph = Graph([step("a", seconds=2), step("slow", "a", seconds=300), step("fast", "a"), step("z", "slow", "fast")])
    assert graph.weight("a") == 303
    assert graph.weight("fast") == 2
    assert graph.seconds() == 303


def test_slack_is_what_a_step_may_be_late_without_anybody_waiting() -> None:
    graph = Graph(
        [
            step("a", seconds=1),
            step("slow", "a", seconds=300),
            step("fast", "a", seconds=2),
            step("end", "slow", "fast", seconds=5),
        ]
    )
    assert [graph.slack(name) for name in ("a", "slow", "fast", "end")] == [0, 0, 298, 0]


def test_upstream_downstream_and_the_graph_of_a_part() -> None:
    graph = Graph([step("a"), step("b", "a"), step("c", "b"), step("other")])
    assert graph.upstream(["b"]) == {"a", "b"}
    assert graph.downstream(["b"]) == {"b", "c"}
    assert graph.only(["b"]).order() == ("a", "b")


@given(st.data())
def test_any_graph_without_cycles_is_ordered_after_its_needs(data: st.DataObject) -> None:
    names = [f"s{i}" for i in range(data.draw(st.integers(0, 12)))]
    steps = [
        step(n, *data.draw(st.sets(st.sampled_from(names[:i]) if i else st.nothing()))) for i, n in enumerate(names)
    ]
    shuffled = data.draw(st.permutations(steps))
    graph = Graph(shuffled)
    seen: set[str] = set()
    for item in graph:
        assert set(item.needs) <= seen
        seen.add(item.name)
    assert seen == set(names)
    assert Graph(shuffled).order() == graph.order()
