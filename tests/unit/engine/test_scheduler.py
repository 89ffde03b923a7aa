"""How steps are scheduled: order, parallelism, failure, skipping, stopping. After the cases of azd's exegraph."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memdeploy.engine.events import Event, EventKind
from memdeploy.engine.ledger import Status
from memdeploy.engine.results import Action
from memdeploy.engine.runner import RunOptions
from memdeploy.engine.scheduler import Schedule
from memdeploy.engine.step import Operation, Outputs, Run, Step
from memdeploy.errors import Cancelled, CloudError, ErrorKind, Locked, StepFailed
from tests.unit.engine.toys import Lab, MemoryLedger, Toy, cloud_error


class Journey:
    """Notes in which order steps ran, and how many at the same time."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    def step(
        self, name: str, *needs: str, seconds: float = 1.0, do: Callable[[Run], Outputs | None] | None = None
    ) -> Step:
        def ensure(run: Run) -> Outputs:
            with self._lock:
                self.order.append(name)
                self.running += 1
                self.most = max(self.most, self.running)
            try:
                return (do(run) if do else None) or {}
            finally:
                with self._lock:
                    self.running -= 1

        return Step(name, Toy(ensure), needs=needs, seconds=seconds)


def fails(run: Run) -> Outputs:
    raise StepFailed(f"{run.step} does not work")


def meet(count: int) -> Callable[[Run], Outputs]:
    """Returns only when `count` steps are inside at the same time."""
    barrier = threading.Barrier(count, timeout=10)

    def ensure(run: Run) -> Outputs:
        barrier.wait()
        return {}

    return ensure


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


def test_fail_fast_starts_nothing_more() -> None:
    journey = Journey()
    lab = Lab(journey.step("bad", seconds=9, do=fails), journey.step("other"), max_parallel=1)
    result = lab.runner.ensure()
    assert journey.order == ["bad"]
    assert lab.actions(result) == {"bad": "failed", "other": "skipped"}


def test_fail_fast_stops_what_sleeps() -> None:
    """`slow` polls until it is told to stop; it is left pending, for the next run."""
    journey, inside = Journey(), threading.Event()

    def polls(run: Run) -> None:
        inside.set()
        run.until(lambda: None, what="never", timeout=float("inf"))

    def fails_later(run: Run) -> Outputs:
        assert inside.wait(10)
        return fails(run)

    lab = Lab(journey.step("slow", do=polls), journey.step("bad", do=fails_later))
    result = lab.runner.ensure()
    assert lab.actions(result) == {"slow": "pending", "bad": "failed"}
    assert lab.ledger.record("slow").status is Status.RUNNING
    assert result.step("slow").because == "bad"


def test_a_skipped_step_is_not_a_failed_one() -> None:
    journey = Journey()
    lab = Lab(journey.step("bad", do=fails), journey.step("after", "bad"))
    result = lab.runner.ensure()
    assert result.step("after").action is Action.SKIPPED
    assert result.step("after").error is None
    assert lab.told("after") == [EventKind.STEP_SKIPPED]
    assert lab.ledger.kinds("after") == []


def test_keep_going_finishes_independent_branches() -> None:
    journey = Journey()
    steps = [journey.step("bad", seconds=9, do=fails), journey.step("x"), journey.step("y", "x")]
    lab = Lab(*steps, max_parallel=1, keep_going=True)
    result = lab.runner.ensure()
    assert lab.actions(result) == {"bad": "failed", "x": "adopted", "y": "adopted"}
    assert not result.ok


def test_keep_going_skips_everything_behind_the_failure() -> None:
    journey = Journey()
    steps = [
        journey.step("bad", do=fails),
        journey.step("b", "bad"),
        journey.step("c", "b"),
        journey.step("d", "c", "x"),
        journey.step("x"),
    ]
    result = Lab(*steps, keep_going=True).runner.ensure()
    skipped = {step.name: step.because for step in result.steps if step.action is Action.SKIPPED}
    assert skipped == {"b": "bad", "c": "bad", "d": "bad"}
    assert "x" in journey.order


def test_keep_going_reports_the_first_failure_and_keeps_the_others() -> None:
    journey = Journey()
    lab = Lab(journey.step("one", do=fails), journey.step("two", do=fails), max_parallel=1, keep_going=True)
    result = lab.runner.ensure()
    assert str(result.error) == "one does not work"
    assert [str(step.error) for step in result.steps] == ["one does not work", "two does not work"]


def test_the_error_says_where() -> None:
    result = Lab(Journey().step("bad", do=fails)).runner.ensure()
    assert result.error is not None
    assert result.error.where == "bad"


@pytest.mark.parametrize("raised", [ValueError("odd"), KeyboardInterrupt(), SystemExit(3), RecursionError()])
def test_a_panic_of_a_step_is_its_failure(raised: BaseException) -> None:
    def panics(run: Run) -> Outputs:
        raise raised

    journey = Journey()
    lab = Lab(journey.step("bad", do=panics), journey.step("after", "bad"))
    result = lab.runner.ensure()
    assert lab.actions(result) == {"bad": "failed", "after": "skipped"}
    assert result.error is not None
    assert result.error.code == "internal"
    assert type(raised).__name__ in result.error.message
    assert lab.ledger.record("bad").status is Status.FAILED


def test_a_clouds_exception_is_classified() -> None:
    def breaks(run: Run) -> Outputs:
        raise RuntimeError("HTTP 403")

    lab = Lab(
        Journey().step("a", do=breaks),
        classify=lambda error: CloudError("no", kind=ErrorKind.PERMISSION) if "403" in str(error) else None,
    )
    error = lab.runner.ensure().error
    assert isinstance(error, CloudError)
    assert error.kind is ErrorKind.PERMISSION


def test_a_sink_that_raises_is_swallowed() -> None:
    def sink(event: Event) -> None:
        raise RuntimeError("the screen is gone")

    assert Lab(Journey().step("a"), sink=sink).runner.ensure().ok


def test_a_sink_is_called_by_one_thread_at_a_time() -> None:
    inside = threading.Lock()
    clashes: list[Event] = []

    def sink(event: Event) -> None:
        if not inside.acquire(blocking=False):
            clashes.append(event)
            return
        for _ in range(200):
            pass
        inside.release()

    journey, together = Journey(), meet(8)
    Lab(*(journey.step(f"s{i}", do=together) for i in range(8)), sink=sink).runner.ensure()
    assert clashes == []


def test_events_of_a_step_come_in_order() -> None:
    lab = Lab(Journey().step("a", do=lambda run: run.progress("half")))
    lab.runner.ensure()
    assert lab.told("a") == ["step-started", "step-progress", "step-finished"]


def test_events_of_a_failed_step() -> None:
    lab = Lab(Journey().step("a", do=fails))
    lab.runner.ensure()
    assert lab.told("a") == ["step-started", "step-failed"]
    assert lab.events[-1].data["message"] == "a does not work"


def test_cancelled_before_the_start_touches_nothing() -> None:
    journey = Journey()
    lab = Lab(journey.step("a"), journey.step("b", "a"))
    lab.cancel.cancel(2)
    result = lab.runner.ensure()
    assert journey.order == []
    assert lab.actions(result) == {"a": "skipped", "b": "skipped"}
    assert result.cancelled == 2
    assert result.error is None
    assert lab.ledger.transitions == []


def test_cancelled_in_the_middle_finishes_what_runs_and_starts_nothing() -> None:
    journey = Journey()
    lab = Lab()
    lab = Lab(journey.step("a", do=lambda run: lab.cancel.cancel(15)), journey.step("b", "a"))
    result = lab.runner.ensure()
    assert lab.ledger.record("a").status is Status.DONE
    assert result.step("b").action is Action.SKIPPED
    assert result.cancelled == 15


def test_cancelled_probe_raises() -> None:
    lab = Lab(Journey().step("a"))
    lab.cancel.cancel()
    with pytest.raises(Cancelled):
        lab.runner.probe()


def test_a_call_in_flight_is_recorded_and_its_operation_not_waited_for() -> None:
    def creates(run: Run) -> None:
        run.change("create", "thing", lambda intent: lab.cancel.cancel(2), operation=lambda _: Operation("toy", "op-1"))

    lab = Lab()
    lab = Lab(Journey().step("a", do=creates))
    result = lab.runner.ensure()
    assert result.step("a").action is Action.PENDING
    (intent,) = lab.ledger.record("a").intents
    assert intent.operation == Operation("toy", "op-1")
    assert lab.polled == []


def test_no_change_begins_once_cancelled() -> None:
    sent: list[str] = []

    def creates(run: Run) -> None:
        lab.cancel.cancel(2)
        run.change("create", "thing", lambda intent: sent.append("thing"))

    lab = Lab()
    lab = Lab(Journey().step("a", do=creates))
    lab.runner.ensure()
    assert sent == []
    assert lab.ledger.record("a").intents == ()


def test_no_thread_is_left_behind() -> None:
    before = set(threading.enumerate())
    journey = Journey()
    Lab(*(journey.step(f"s{i}") for i in range(9)), journey.step("bad", do=fails)).runner.ensure()
    assert set(threading.enumerate()) - before == set()


def test_a_step_that_waits_too_long_fails_by_name() -> None:
    def waits(run: Run) -> None:
        run.until(lambda: None, what="the instance to answer", timeout=60)

    lab = Lab(Journey().step("a", do=waits))
    error = lab.runner.ensure().error
    assert error is not None
    assert error.code == "timeout"
    assert "the instance to answer" in error.message
    assert sum(lab.clock.slept) == pytest.approx(60, abs=2)


def test_a_timeout_of_one_step_skips_only_what_needs_it() -> None:
    def waits(run: Run) -> None:
        run.until(lambda: None, what="it", timeout=1)

    journey = Journey()
    lab = Lab(journey.step("a", do=waits), journey.step("b", "a"), journey.step("c"), keep_going=True)
    result = lab.runner.ensure()
    assert result.step("a").action is Action.FAILED
    assert result.step("b").action is Action.SKIPPED
    assert result.step("c").error is None


def test_losing_the_journal_stops_everything_even_when_told_to_keep_going() -> None:
    ledger = MemoryLedger()

    def loses(run: Run) -> None:
        ledger.fenced = True

    journey = Journey()
    steps = [journey.step("a", seconds=9, do=loses), journey.step("b"), journey.step("c")]
    lab = Lab(*steps, ledger=ledger, keep_going=True, max_parallel=1)
    result = lab.runner.ensure()
    assert journey.order == ["a"]
    assert isinstance(result.error, Locked)


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


def test_two_runs_of_one_runner_do_not_share_a_failure() -> None:
    broken = [True]

    def sometimes(run: Run) -> Outputs:
        return fails(run) if broken[0] else {}

    lab = Lab(Journey().step("a", do=sometimes))
    assert not lab.runner.ensure().ok
    broken[0] = False
    assert lab.runner.ensure().ok


def test_a_scope_without_ledger_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="scope 'elsewhere'"):
        Lab(Step("a", Toy(), scope="elsewhere"))


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


def test_retries_are_told() -> None:
    answers = [cloud_error(ErrorKind.UNAVAILABLE), None]

    def reads(run: Run) -> None:
        def call() -> str:
            error = answers.pop(0)
            if error:
                raise error
            return "there"

        assert run.read(call) == "there"

    lab = Lab(Journey().step("a", do=reads))
    assert lab.runner.ensure().ok
    assert "step-retry" in lab.told("a")
