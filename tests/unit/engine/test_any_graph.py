"""Whatever the graph and whatever fails in it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from memdeploy.engine.ledger import Status
from memdeploy.engine.results import Action
from tests.unit.engine.journeys import Journey, fails
from tests.unit.engine.toys import Lab, MemoryLedger


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, list[str]], set[str], int, bool]:
    names = [f"s{i}" for i in range(draw(st.integers(1, 10)))]
    needs = {n: sorted(draw(st.sets(st.sampled_from(names[:i]))) if i else []) for i, n in enumerate(names)}
    bad = draw(st.sets(st.sampled_from(names), max_size=3))
    return needs, bad, draw(st.integers(1, 4)), draw(st.booleans())


@given(graphs())
@settings(max_examples=80, deadline=None)
def test_any_graph_with_any_failures(case: tuple[dict[str, list[str]], set[str], int, bool]) -> None:
    """Each step once at most, after all of its needs; nothing behind a failure; with keep_going all the rest."""
    needs, bad, parallel, keep_going = case
    journey = Journey()
    steps = [journey.step(name, *needs[name], do=fails if name in bad else None) for name in needs]
    lab = Lab(*steps, max_parallel=parallel, keep_going=keep_going)
    result = lab.runner.ensure()

    assert len(set(journey.order)) == len(journey.order)
    done = {name for name in needs if lab.ledger.record(name).status is Status.DONE}
    for name in journey.order:
        assert set(needs[name]) <= done
    assert {step.name for step in result.steps} == set(needs)
    assert {step.name for step in result.steps if step.action is Action.FAILED} == set(journey.order) & bad
    assert (result.error is None) == (not set(journey.order) & bad)
    if keep_going:
        reachable: set[str] = set()
        for name in needs:
            if set(needs[name]) <= reachable - bad:
                reachable.add(name)
        assert set(journey.order) == reachable


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_a_second_run_finishes_what_the_first_did_not(
    case: tuple[dict[str, list[str]], set[str], int, bool],
) -> None:
    needs, bad, parallel, keep_going = case
    ledger = MemoryLedger()
    first = Journey()
    steps = [first.step(name, *needs[name], do=fails if name in bad else None) for name in needs]
    Lab(*steps, ledger=ledger, max_parallel=parallel, keep_going=keep_going).runner.ensure()
    second = Journey()
    result = Lab(*(second.step(name, *needs[name]) for name in needs), ledger=ledger).runner.ensure()
    assert result.ok
    assert all(ledger.record(name).status is Status.DONE for name in needs)
