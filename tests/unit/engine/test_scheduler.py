"""How steps are scheduled: order and parallelism. After the cases of azd's exegraph."""

from __future__ import annotations

import threading

import pytest

from memdeploy.engine.runner import RunOptions
from memdeploy.engine.scheduler import Schedule
from memdeploy.engine.step import Run, Step
from tests.unit.engine.journeys import Journey, fails, meet
from tests.unit.engine.toys import Lab, MemoryLedger, Toy


def test_an_empty_graph_runs() -> None:
    result = Lab().runner.ensure()
    assert result.ok
    assert result.steps == ()


def test_a_single_step_runs_once() -> None:
    journey = Journey()
    assert Lab(journey.step("a")).runner.ensure().ok
    assert journey.order == ["a"]


def test_a_chain_runs_in_order() -> None:
    journey = Journey()
    Lab(journey.step("c", "b"), journey.step("b", "a"), journey.step("a")).runner.ensure()
    assert journey.order == ["a", "b", "c"]


def test_a_diamond_joins_after_both_sides() -> None:
    journey, sides = Journey(), meet(2)
    steps = [
        journey.step("top"),
        journey.step("left", "top", do=sides),
        journey.step("right", "top", do=sides),
        journey.step("join", "left", "right"),
    ]
    assert Lab(*steps).runner.ensure().ok
    assert journey.order[0] == "top"
    assert journey.order[-1] == "join"


def test_a_fan_out_runs_at_the_same_time() -> None:
    journey, together = Journey(), meet(5)
    steps = [journey.step("root"), *(journey.step(f"leaf{i}", "root", do=together) for i in range(5))]
    assert Lab(*steps).runner.ensure().ok
    assert journey.most == 5


def test_a_fan_in_waits_for_all() -> None:
    journey = Journey()
    leaves = [f"leaf{i}" for i in range(6)]
    Lab(*(journey.step(name) for name in leaves), journey.step("end", *leaves)).runner.ensure()
    assert journey.order[-1] == "end"


def test_independent_steps_need_not_wait_for_each_other() -> None:
    """b waits inside for d, which hangs on another branch."""
    journey, met = Journey(), threading.Event()

    def wait(run: Run) -> None:
        assert met.wait(10)

    steps = [journey.step("b", do=wait), journey.step("c"), journey.step("d", "c", do=lambda run: met.set())]
    assert Lab(*steps).runner.ensure().ok


def test_one_at_a_time_is_serial() -> None:
    journey = Journey()
    Lab(*(journey.step(f"s{i}") for i in range(6)), max_parallel=1).runner.ensure()
    assert journey.most == 1
    assert journey.order == [f"s{i}" for i in range(6)]


def test_no_more_than_max_parallel() -> None:
    journey, pairs = Journey(), meet(2)
    Lab(*(journey.step(f"s{i}", do=pairs) for i in range(6)), max_parallel=2).runner.ensure()
    assert journey.most == 2


def test_eight_at_a_time_is_the_default() -> None:
    assert RunOptions().max_parallel == 8
    journey, eights = Journey(), meet(8)
    Lab(*(journey.step(f"s{i}", do=eights) for i in range(16))).runner.ensure()
    assert journey.most == 8


def test_zero_parallel_is_refused() -> None:
    with pytest.raises(ValueError, match="max_parallel"):
        Lab(Journey().step("a"), max_parallel=0).runner.ensure()


def test_the_longest_path_starts_first() -> None:
    journey = Journey()
    steps = [
        journey.step("quick"),
        journey.step("before-slow"),
        journey.step("slow", "before-slow", seconds=300),
        journey.step("medium", seconds=60),
    ]
    Lab(*steps, max_parallel=1).runner.ensure()
    assert journey.order == ["before-slow", "slow", "medium", "quick"]


def test_equal_weights_start_in_the_order_given() -> None:
    journey = Journey()
    Lab(*(journey.step(name) for name in "dacb"), max_parallel=1).runner.ensure()
    assert journey.order == list("dacb")


def test_results_come_in_the_order_of_the_graph() -> None:
    journey = Journey()
    result = Lab(journey.step("z", "a", seconds=1), journey.step("m", seconds=99), journey.step("a")).runner.ensure()
    assert [step.name for step in result.steps] == ["m", "a", "z"]


def test_seconds_are_the_steps_own() -> None:
    lab = Lab(Journey().step("a", do=lambda run: run.clock.sleep(42)))
    assert lab.runner.ensure().step("a").seconds == 42
    assert lab.ledger.record("a").seconds == 42


def test_attempts_count_over_runs() -> None:
    ledger, journey = MemoryLedger(), Journey()
    for _ in range(2):
        Lab(journey.step("a", do=fails), ledger=ledger).runner.ensure()
    assert Lab(journey.step("a"), ledger=ledger).runner.ensure().step("a").attempts == 3


def test_a_scope_without_ledger_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="scope 'elsewhere'"):
        Lab(Step("a", Toy(), scope="elsewhere"))


def test_the_schedule_skips_each_name_once() -> None:
    skipped: list[tuple[str, str | None]] = []
    needs: dict[str, list[str]] = {"a": [], "b": [], "c": ["a", "b"]}
    Schedule(
        needs,
        lambda name: False,
        weight=dict.fromkeys(needs, 1.0),
        max_parallel=2,
        stopped=lambda: False,
        skip=lambda name, because: skipped.append((name, because)),
    ).run()
    assert [name for name, _ in skipped] == ["c"]
