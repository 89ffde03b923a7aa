"""One execution of `prepare` for each key, wherever an earlier run was killed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import StepRecord, Transition
from memdeploy.engine.results import RunResult
from memdeploy.engine.runner import Runner
from memdeploy.engine.step import Step
from memdeploy.engine.values import resolve
from tests.support.rehearsed import Rehearsed
from tests.support.waiting import wait_for

from .deploying import PROJECT, Deploying, MemoryLedger

STEP = "prepare"


class Recording(MemoryLedger):
    """Keeps the step's record as it was after each transition: what a run killed there leaves behind."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[StepRecord] = []

    def commit(self, step: str, transition: Transition) -> StepRecord:
        record = super().commit(step, transition)
        if step == STEP:
            self.states.append(record)
        return record


@dataclass
class Preparing:
    """A deployment of which only `prepare` is run again, with the inputs that it had."""

    deploying: Deploying
    inputs: Mapping[str, Any]
    name: str

    @classmethod
    def of(cls, deploying: Deploying) -> Preparing:
        step = deploying.cloud().graph()[STEP]
        known = {name: record.outputs for name, record in deploying.own.records.items()}
        return cls(deploying, _resolved(step.inputs, known | _outputs(deploying.shared)), step.identity["name"])

    def executions(self) -> dict[str, str]:
        found = [item for item in self.deploying.rehearsed.inventory() if item["type"] == "Execution"]
        return {item["name"].rsplit("/", 1)[-1]: item["state"] for item in found}

    def completed(self, execution: str) -> bool:
        jobs = f"projects/{PROJECT}/locations/us-central1/jobs/{self.name}"
        return "completionTime" in self.deploying.rehearsed.ask("GET", f"/run/v2/{jobs}/executions/{execution}")

    def again(self, left: StepRecord, **changed: Any) -> RunResult:
        """The next run after one that left this record."""
        return self._runner(left, changed).ensure()

    def recovered(self, **changed: Any) -> StepRecord:
        """What is read off the job when nothing was left."""
        self._runner(StepRecord(STEP), changed).recover()
        return self.deploying.own.records[STEP]

    def _runner(self, left: StepRecord, changed: Mapping[str, Any]) -> Runner:
        cloud = self.deploying.cloud()
        step = cloud.graph()[STEP]
        alone = Graph([Step(STEP, step.resource, inputs={**self.inputs, **changed}, identity=step.identity)])
        self.deploying.own.records[STEP] = left
        return self.deploying.runner(alone, cloud)


def _outputs(ledger: MemoryLedger) -> dict[str, Mapping[str, Any] | None]:
    return {name: record.outputs for name, record in ledger.records.items()}


def _resolved(inputs: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = resolve(inputs, known)
    return found


@pytest.fixture(scope="module")
def preparing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preparing]:
    served = Rehearsed.serve(tmp_path_factory.mktemp("rehearsal"), scale=0.0005)
    try:
        deploying = Deploying(served, own=Recording())
        result = deploying.up()
        assert result.error is None, result.error
        yield Preparing.of(deploying)
    finally:
        served.stop()


def states(preparing: Preparing) -> list[StepRecord]:
    ledger = preparing.deploying.own
    assert isinstance(ledger, Recording)
    return ledger.states


def test_an_execution_that_succeeded_is_adopted_wherever_its_run_was_killed(preparing: Preparing) -> None:
    done = preparing.executions()
    assert len(done) == 1
    # One that never came to be (a right that had not spread yet) is rightly not found.
    left = [state for state in states(preparing) if state.notes.get("execution") in done]
    assert {bool(state.intents) for state in left} == {True, False}  # before the answer, and after it
    for state in left:
        result = preparing.again(state)
        assert result.error is None, (state, result.error)
        assert preparing.executions() == done, state


def test_another_key_is_another_execution_whatever_was_left_open(preparing: Preparing) -> None:
    known = set(preparing.executions())
    for number, state in enumerate(list(states(preparing))):
        if not state.notes:
            continue
        key = f"2026-01-01T00:00:{number:02}Z"
        assert preparing.again(state, created=key).error is None
        new = set(preparing.executions()) - known
        assert len(new) == 1, state
        assert key in preparing.deploying.own.records[STEP].outputs["key"]  # type: ignore[index]
        known |= new


def test_after_a_failed_execution_the_next_run_starts_a_new_one(preparing: Preparing) -> None:
    preparing.deploying.rehearsed.faults("fail@run.projects.locations.jobs.patch=1x")
    before, seen = set(preparing.executions()), len(states(preparing))
    assert preparing.again(StepRecord(STEP), created="2027").error is not None
    (failed,) = set(preparing.executions()) - before
    wait_for(lambda: preparing.completed(failed))  # one that still runs would rightly be adopted
    left = [state for state in states(preparing)[seen:] if state.notes.get("execution") == failed]
    assert {bool(state.intents) for state in left} == {True, False}
    for state in left:
        before = set(preparing.executions())
        result = preparing.again(state, created="2027")
        assert result.error is None, (state, result.error)
        assert len(set(preparing.executions()) - before) == 1, state


def test_of_a_lost_record_the_job_tells_which_execution_was_for_what(preparing: Preparing) -> None:
    """The same key is not prepared again; another one is, and one whose execution failed."""
    assert preparing.again(StepRecord(STEP), created="2030").error is None
    done = preparing.executions()
    assert preparing.again(preparing.recovered(), created="2030").error is None
    assert preparing.executions() == done
    assert preparing.again(preparing.recovered(), created="2031").error is None
    assert len(preparing.executions()) == len(done) + 1
    preparing.deploying.rehearsed.faults("fail@run.projects.locations.jobs.patch=1x")
    assert preparing.again(StepRecord(STEP), created="2032").error is not None
    wait_for(lambda: all(preparing.completed(name) for name in preparing.executions()))
    assert preparing.again(preparing.recovered(), created="2032").error is None
    assert len(preparing.executions()) == len(done) + 3, "the one that failed, and another"


@pytest.mark.parametrize("verb", ["create", "patch"])
def test_an_execution_that_is_seen_late_is_not_started_twice(rehearsed: Rehearsed, verb: str) -> None:
    """The answer is lost, the first look for the execution finds nothing, and the request sent again is refused."""
    deploying = Deploying(rehearsed)
    if verb == "patch":
        assert deploying.up().error is None
    faults = f"lost@run.projects.locations.jobs.{verb}=1x,404@run.projects.locations.jobs.executions.get=1x"
    rehearsed.faults(faults)
    known = len([item for item in rehearsed.inventory() if item["type"] == "Execution"])
    result = deploying.up() if verb == "create" else Preparing.of(deploying).again(StepRecord(STEP), created="2027")
    assert result.error is None
    assert len([item for item in rehearsed.inventory() if item["type"] == "Execution"]) == known + 1
