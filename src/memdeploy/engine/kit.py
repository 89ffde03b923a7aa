"""What probing, ensuring and removing have in common: making a `Run` for a step, naming its failure, telling of it."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from memdeploy.engine.calls import Caller, CallRules, Classify
from memdeploy.engine.cancel import CancelToken, Halt
from memdeploy.engine.clock import Clock
from memdeploy.engine.crash import CrashPoints
from memdeploy.engine.events import Event, EventKind, Sink
from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import Guard, Ledger, StepRecord, Transition
from memdeploy.engine.operations import Changes, Poll, Poller
from memdeploy.engine.results import Action, StepResult
from memdeploy.engine.retry import CONVERGING, LOOKING, Gates, Jitter, Limits
from memdeploy.engine.run import StepRun
from memdeploy.engine.step import Outputs, Step
from memdeploy.errors import CloudError, Locked, MemdeployError, StepFailed
from memdeploy.secret import heard


@dataclass(frozen=True)
class RunOptions:
    """`replace` names the steps that may be removed and made again; one that holds data never is."""

    max_parallel: int = 8
    keep_going: bool = False
    replace: frozenset[str] = frozenset()


class Counted:
    """A ledger whose durable transitions are counted, and may be a crash point."""

    def __init__(self, ledger: Ledger, crash: CrashPoints) -> None:
        self._ledger = ledger
        self._crash = crash

    def record(self, step: str) -> StepRecord:
        return self._ledger.record(step)

    def commit(self, step: str, transition: Transition) -> StepRecord:
        record = self._ledger.commit(step, transition)
        self._crash.transition()
        return record


class Teller:
    """Hands events to the sink one at a time; a sink that raises is nobody's failure."""

    def __init__(self, sink: Sink, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock
        self._lock = threading.Lock()

    def tell(self, kind: EventKind, step: str | None, /, **data: Any) -> None:
        with self._lock, contextlib.suppress(Exception):
            self._sink(Event(kind, self._clock.now(), step, data))


@dataclass(frozen=True)
class Kit:
    """All that one run of the runner owns."""

    graph: Graph
    ledgers: Mapping[str, Ledger]
    guards: Mapping[str, Guard]
    clock: Clock
    teller: Teller
    classify: Classify
    poll: Poll
    options: RunOptions
    crash: CrashPoints
    token: CancelToken
    halt: Halt
    gates: Gates = field(default_factory=Gates)
    jitter: Jitter = random.random

    def ledger(self, step: Step) -> Ledger:
        return self.ledgers[step.scope]

    def record(self, name: str) -> StepRecord:
        return self.ledger(self.graph[name]).record(name)

    def looking(self, step: Step, inputs: Mapping[str, Any]) -> StepRun:
        """A run that can only read."""
        caller = self._caller(step, LOOKING)
        return self._run(step, inputs, caller, self._poller(step, caller), None)

    def changing(self, step: Step, inputs: Mapping[str, Any], limits: Limits = CONVERGING) -> StepRun:
        caller = self._caller(step, limits)
        poller = self._poller(step, caller)
        changes = Changes(step.name, self.ledger(step), self.guards[step.scope], caller, poller, self.crash)
        return self._run(step, inputs, caller, poller, changes)

    def failure(self, step: Step, raised: BaseException) -> MemdeployError:
        """The error that a person is shown: it says where."""
        error = self._named(raised)
        if error.where is None:
            error.where = step.name
        return error

    def stop_after(self, step: Step, error: MemdeployError) -> None:
        """Decides whether a failure ends the run. One that lost its journal may not write another word."""
        if isinstance(error, Locked) or not self.options.keep_going:
            self.halt.stop(step.name)

    def seconds_since(self, start: float) -> float:
        return round(max(0.0, self.clock.boottime() - start), 3)

    def tell_finished(self, result: StepResult) -> None:
        self.teller.tell(
            EventKind.STEP_FINISHED, result.name,
            action=str(result.action), seconds=result.seconds, summary=result.summary,
        )  # fmt: skip

    def tell_failed(self, result: StepResult, error: MemdeployError) -> None:
        self.teller.tell(
            EventKind.STEP_FAILED, result.name,
            code=error.code, message=error.message, suggestion=error.suggestion, seconds=result.seconds,
        )  # fmt: skip

    def skipped(self, name: str, because: str | None) -> StepResult:
        cause = because or self.halt.because
        self.teller.tell(EventKind.STEP_SKIPPED, name, because=cause)
        return StepResult(name, Action.SKIPPED, because=cause, attempts=self.record(name).attempts)

    def _named(self, raised: BaseException) -> MemdeployError:
        if isinstance(raised, MemdeployError):
            return raised
        known = self.classify(raised) if isinstance(raised, Exception) else None
        error = known or StepFailed(
            f"unexpected {type(raised).__name__}: {_first_line(raised)}",
            code="internal",
            suggestion="This is a defect of memdeploy; run the command again, and report it if it stays.",
        )
        error.__cause__ = raised
        return error

    def _caller(self, step: Step, limits: Limits) -> Caller:
        def on_retry(error: CloudError, attempt: int, wait: float) -> None:
            self.teller.tell(
                EventKind.STEP_RETRY, step.name,
                kind=str(error.kind), attempt=attempt, wait=round(wait, 1), message=error.message,
            )  # fmt: skip

        rules = CallRules(self.clock, self.halt, self.gates, limits, self.classify, self.jitter)
        return Caller(rules, getattr(step.resource, "service", ""), on_retry)

    def _poller(self, step: Step, caller: Caller) -> Poller:
        return Poller(self.poll, caller, self.clock, self._progress(step), self.graph.slack(step.name))

    def _progress(self, step: Step) -> Callable[[str], None]:
        """Tells what is news: a step that looks every second says the same again and again."""
        said = ""

        def tell(text: str) -> None:
            nonlocal said
            if text != said:
                said = text
                self.teller.tell(EventKind.STEP_PROGRESS, step.name, text=text)

        return tell

    def _run(
        self, step: Step, inputs: Mapping[str, Any], caller: Caller, poller: Poller, changes: Changes | None
    ) -> StepRun:
        return StepRun(
            step.name, inputs,
            ledger=self.ledger(step), caller=caller, poller=poller, changes=changes, clock=self.clock,
            progress=self._progress(step),
            replace=step.name in self.options.replace and not step.holds_data,
        )  # fmt: skip


def summary_of(step: Step, outputs: Outputs) -> str:
    """A resource may offer `summary(outputs) -> str`: one short line for people. Its failure is no step's failure."""
    summarize = getattr(step.resource, "summary", None)
    if summarize is None:
        return ""
    try:
        return str(summarize(outputs))
    except Exception:
        return ""


def _first_line(raised: BaseException) -> str:
    """Where a library refuses a value, it quotes it."""
    lines = heard(str(raised)).splitlines()
    return lines[0][:200] if lines else "(no message)"
