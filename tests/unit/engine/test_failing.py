"""A step that fails: what still runs, what is skipped, and what is said of it."""

from __future__ import annotations

import threading

import pytest

from memdeploy.engine.events import EventKind
from memdeploy.engine.ledger import Status
from memdeploy.engine.results import Action
from memdeploy.engine.step import Outputs, Run
from memdeploy.errors import CloudError, ErrorKind, Locked
from tests.unit.engine.journeys import Journey, fails
from tests.unit.engine.toys import Lab, MemoryLedger


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


def test_two_runs_of_one_runner_do_not_share_a_failure() -> None:
    broken = [True]

    def sometimes(run: Run) -> Outputs:
        return fails(run) if broken[0] else {}

    lab = Lab(Journey().step("a", do=sometimes))
    assert not lab.runner.ensure().ok
    broken[0] = False
    assert lab.runner.ensure().ok
