"""Making every step so, in order. A step that was seen to be right already costs no request."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from memdeploy.engine.events import EventKind
from memdeploy.engine.kit import Kit, summary_of
from memdeploy.engine.ledger import Failed, Finished, Postponed, Started, Status, StepRecord
from memdeploy.engine.operations import creates
from memdeploy.engine.probing import probed_inputs, seen_outputs
from memdeploy.engine.results import GOOD, Action, StepResult
from memdeploy.engine.run import StepRun
from memdeploy.engine.scheduler import Schedule
from memdeploy.engine.step import Observed, Outputs, State, Step, unknowns
from memdeploy.engine.values import plain, resolve
from memdeploy.errors import Cancelled, Locked, MemdeployError, NotYet, StepFailed

_TRUSTED = frozenset({Status.DONE, Status.PENDING, Status.KEPT, Status.REMOVED})
"""Before these the last run left nothing half done, so that what was seen is all there is."""


class Ensuring:
    def __init__(self, kit: Kit, observed: Mapping[str, Observed]) -> None:
        self._kit = kit
        self._observed = observed
        # Before anything runs: what the probe fell back on in the journal changes as steps finish.
        self._probed_with = {name: probed_inputs(kit, kit.graph[name], observed) for name in observed}
        self._lock = threading.Lock()
        self.results: dict[str, StepResult] = {}
        self.first_error: MemdeployError | None = None

    def run(self) -> None:
        graph = self._kit.graph
        Schedule(
            {name: graph.needs(name) for name in graph.order()},
            self._work,
            weight={name: graph.weight(name) for name in graph.order()},
            max_parallel=self._kit.options.max_parallel,
            stopped=lambda: self._kit.halt.stopped,
            skip=lambda name, because: self._keep(self._kit.skipped(name, because)),
        ).run()

    def _work(self, name: str) -> bool:
        step = self._kit.graph[name]
        start = self._kit.clock.boottime()
        try:
            result = self._ensure(step, start)
        except BaseException as raised:
            result = self._failed(step, raised, start)
        self._keep(result)
        return result.action in GOOD

    def _ensure(self, step: Step, start: float) -> StepResult:
        record = self._kit.record(step.name)
        inputs = self._inputs(step)
        seen = self._observed.get(step.name)
        if seen is not None and self._right_already(step, record, seen, inputs):
            return self._leave(step, record, seen_outputs(record, seen), start)
        return self._converge(step, record, inputs, start)

    def _inputs(self, step: Step) -> dict[str, Any]:
        with self._lock:
            known = {need: self.results[need].outputs for need in self._kit.graph.needs(step.name)}
        inputs: dict[str, Any] = resolve(step.inputs, known)
        missing = unknowns(inputs)
        if missing:
            raise StepFailed(f"step {missing[0].step} gave no output {missing[0].output!r}", code="internal")
        return inputs

    def _right_already(self, step: Step, record: StepRecord, seen: Observed, inputs: Mapping[str, Any]) -> bool:
        """What was seen still holds: nothing was half done, and what the step takes is what it was probed with."""
        if step.transient or seen.state is not State.PRESENT or seen.unknown:
            return False
        if record.intents or record.status not in _TRUSTED:
            return False
        with self._lock:
            made = any(self.results[need].action is Action.CREATED for need in self._kit.graph.needs(step.name))
        return not made and self._probed_with[step.name] == inputs

    def _leave(self, step: Step, record: StepRecord, outputs: Outputs, start: float) -> StepResult:
        adopted = record.status is not Status.DONE
        if adopted:
            record = self._commit_started(step)
        if adopted or record.outputs != outputs:
            self._kit.ledger(step).commit(step.name, Finished(outputs, None, record.seconds))
        action = Action.ADOPTED if adopted else Action.UNCHANGED
        return self._finished(step, record, action, outputs, start)

    def _converge(self, step: Step, before: StepRecord, inputs: Mapping[str, Any], start: float) -> StepResult:
        resumed = bool(before.intents) or before.status in (Status.RUNNING, Status.FAILED)
        self._kit.teller.tell(
            EventKind.STEP_STARTED, step.name, title=step.title, seconds=step.seconds, resumed=resumed
        )  # fmt: skip
        record = self._commit_started(step)
        run = self._kit.changing(step, inputs)
        run.resume(interrupted=before.status is Status.RUNNING)
        outputs = plain(step.resource.ensure(run), "outputs")
        finished = Finished(outputs, run.newly_applied, self._kit.seconds_since(start))
        self._kit.ledger(step).commit(step.name, finished)
        return self._finished(step, record, _action(step, before, run, resumed), outputs, start)

    def _commit_started(self, step: Step) -> StepRecord:
        started = Started(step.resource.kind, plain(step.identity, "identity"), step.holds_data)
        return self._kit.ledger(step).commit(step.name, started)

    def _finished(self, step: Step, record: StepRecord, action: Action, outputs: Outputs, start: float) -> StepResult:
        seconds = self._kit.seconds_since(start)
        summary = summary_of(step, outputs)
        result = StepResult(step.name, action, seconds, record.attempts, summary=summary, outputs=outputs)
        self._kit.tell_finished(result)
        return result

    def _failed(self, step: Step, raised: BaseException, start: float) -> StepResult:
        error = self._kit.failure(step, raised)
        seconds = self._kit.seconds_since(start)
        attempts = self._kit.record(step.name).attempts
        if isinstance(error, Cancelled):
            return StepResult(step.name, Action.PENDING, seconds, attempts, because=self._kit.halt.because)
        self._kit.stop_after(step, error)
        action = Action.PENDING if isinstance(error, NotYet) else Action.FAILED
        record_failure(self._kit, step, error, seconds)
        result = StepResult(step.name, action, seconds, attempts, error=error)
        self._kit.tell_failed(result, error)
        return result

    def _keep(self, result: StepResult) -> None:
        with self._lock:
            self.results[result.name] = result
            if self.first_error is None and result.error is not None:
                self.first_error = result.error


def record_failure(kit: Kit, step: Step, error: MemdeployError, seconds: float) -> None:
    """Best effort: whoever lost the journal cannot write into it, and the error that is reported says so."""
    text = f"{error.code}: {error.message}"
    transition = Postponed(text) if isinstance(error, NotYet) else Failed(text, seconds)
    try:
        kit.ledger(step).commit(step.name, transition)
    except (MemdeployError, OSError) as second:
        if isinstance(second, Locked) and not isinstance(error, Locked):
            kit.halt.stop(step.name)


def _action(step: Step, before: StepRecord, run: StepRun, resumed: bool) -> Action:
    if run.changed:
        stood = before.status in (Status.DONE, Status.KEPT)  # what rested is woken, not made
        first_time = not stood or any(creates(verb) for verb in run.changed)
        return Action.CREATED if first_time and not step.transient else Action.UPDATED
    if step.transient or before.status is Status.DONE:
        return Action.UNCHANGED
    return Action.CREATED if resumed and before.attempts else Action.ADOPTED
