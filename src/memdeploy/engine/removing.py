"""Removing steps in reverse: each when every step of the set that needs it, or is outlived by it, is gone."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from typing import Any

from memdeploy.engine.ensuring import record_failure
from memdeploy.engine.events import EventKind
from memdeploy.engine.graph import invert, longest_paths, sort
from memdeploy.engine.kit import Kit
from memdeploy.engine.ledger import Kept, Removed, Status
from memdeploy.engine.results import GOOD, Action, StepResult
from memdeploy.engine.retry import CONVERGING, UNBEGUN
from memdeploy.engine.scheduler import Schedule
from memdeploy.engine.step import Retainable, Step
from memdeploy.engine.values import resolve
from memdeploy.errors import Cancelled, CloudError, ErrorKind, MemdeployError, NotYet


class Removing:
    """`retained` steps stay: they are put to rest once everything of `names` that needs them is gone, and are kept."""

    def __init__(self, kit: Kit, names: Sequence[str], retained: Collection[str] = ()) -> None:
        self._kit = kit
        self._retained = frozenset(retained)
        wanted = [name for name in (*names, *retained) if not kit.graph[name].transient]
        self._blockers = {
            name: _among(wanted, kit.graph.gone_before(name))
            for name in sorted(wanted, key=kit.graph.order().index, reverse=True)
        }
        self._lock = threading.Lock()
        self.results: dict[str, StepResult] = {}
        self.first_error: MemdeployError | None = None

    def run(self) -> None:
        order = sort(self._blockers)
        weight = longest_paths(order, invert(self._blockers), lambda name: self._kit.graph[name].seconds)
        Schedule(
            self._blockers,
            self._work,
            weight=weight,
            max_parallel=self._kit.options.max_parallel,
            stopped=lambda: self._kit.halt.stopped,
            skip=self._skip,
        ).run()

    def _work(self, name: str) -> bool:
        step = self._kit.graph[name]
        start = self._kit.clock.boottime()
        try:
            result = self._retain(step, start) if name in self._retained else self._remove(step, start)
        except BaseException as raised:
            result = self._failed(step, raised, start)
        self._keep(result)
        return result.action in GOOD

    def _remove(self, step: Step, start: float) -> StepResult:
        record = self._kit.record(step.name)
        known_there = record.status not in (Status.PENDING, Status.REMOVED)
        run = self._kit.changing(step, self._inputs(step), CONVERGING if known_there else UNBEGUN)
        # It may be new: a read that does not show it yet must not make an orphan of it.
        run.resume(interrupted=known_there)
        try:
            step.resource.remove(run)
        except CloudError as error:
            if known_there or error.kind is not ErrorKind.NOT_ENABLED:
                raise
        there = bool(run.changed) or known_there
        seconds = self._kit.seconds_since(start)
        if not there:
            return StepResult(step.name, Action.UNCHANGED, seconds, record.attempts)
        self._kit.ledger(step).commit(step.name, Removed(seconds))
        result = StepResult(step.name, Action.REMOVED, seconds, record.attempts)
        self._kit.tell_finished(result)
        return result

    def _retain(self, step: Step, start: float) -> StepResult:
        run = self._kit.changing(step, self._inputs(step))
        run.resume(interrupted=self._kit.record(step.name).status is Status.RUNNING)
        if isinstance(step.resource, Retainable):
            step.resource.retain(run)
        record = self._kit.ledger(step).commit(step.name, Kept())
        result = StepResult(step.name, Action.KEPT, self._kit.seconds_since(start), record.attempts)
        self._kit.tell_finished(result)
        return result

    def _inputs(self, step: Step) -> dict[str, Any]:
        known = {need: self._kit.record(need).outputs for need in self._kit.graph.needs(step.name)}
        resolved: dict[str, Any] = resolve(step.inputs, known)
        return resolved

    def _failed(self, step: Step, raised: BaseException, start: float) -> StepResult:
        error = self._kit.failure(step, raised)
        seconds = self._kit.seconds_since(start)
        attempts = self._kit.record(step.name).attempts
        if isinstance(error, Cancelled):
            return StepResult(step.name, Action.PENDING, seconds, attempts, because=self._kit.halt.because)
        record_failure(self._kit, step, error, seconds)
        if isinstance(error, NotYet):
            return self._leftover(step, error, seconds, attempts)
        self._kit.stop_after(step, error)
        result = StepResult(step.name, Action.FAILED, seconds, attempts, error=error)
        self._kit.tell_failed(result, error)
        return result

    def _leftover(self, step: Step, error: NotYet, seconds: float, attempts: int) -> StepResult:
        """No failure: other steps go on, and a later command finishes this one."""
        self._kit.teller.tell(EventKind.NOTICE, step.name, text=error.message, level="info")
        return StepResult(step.name, Action.PENDING, seconds, attempts, error=error)

    def _skip(self, name: str, because: str | None) -> None:
        """What is needed by something that stays, stays: as a leftover when that is one, else kept."""
        blocker = self.results.get(because) if because is not None else None
        result = self._kit.skipped(name, because)
        if blocker is not None:
            action = Action.PENDING if blocker.action is Action.PENDING else Action.KEPT
            result = StepResult(name, action, attempts=result.attempts, because=because)
        self._keep(result)

    def _keep(self, result: StepResult) -> None:
        with self._lock:
            self.results[result.name] = result
            if result.error is not None:
                self.first_error = _worse(self.first_error, result.error)


def _among(wanted: Sequence[str], names: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in wanted if name in names)


def _worse(first: MemdeployError | None, second: MemdeployError) -> MemdeployError:
    if first is None or (isinstance(first, NotYet) and not isinstance(second, NotYet)):
        return second
    return first
