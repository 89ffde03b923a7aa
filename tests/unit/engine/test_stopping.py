"""A run that is told to stop ends what is under way and begins nothing."""

from __future__ import annotations

import threading

import pytest

from memdeploy.engine.ledger import Status
from memdeploy.engine.results import Action
from memdeploy.engine.step import Operation, Run
from memdeploy.errors import Cancelled
from tests.unit.engine.journeys import Journey, fails
from tests.unit.engine.toys import Lab


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
