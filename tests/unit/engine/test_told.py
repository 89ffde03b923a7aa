"""What is told of a run, and to whom."""

from __future__ import annotations

import threading

from memdeploy.engine.events import Event
from memdeploy.engine.step import Run
from memdeploy.errors import ErrorKind
from tests.unit.engine.journeys import Journey, fails, meet
from tests.unit.engine.toys import Lab, cloud_error


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
