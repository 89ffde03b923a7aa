"""Toy resources for tests of the engine: they do what a test tells them, and remember nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from memdeploy.engine.cancel import CancelToken
from memdeploy.engine.events import Event
from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import Status, StepRecord, Transition, advance
from memdeploy.engine.results import RunResult
from memdeploy.engine.runner import Runner, RunOptions
from memdeploy.engine.step import Observed, Operation, OperationStatus, Outputs, Run, State, Step
from memdeploy.errors import CloudError, ErrorKind, Locked


class Toy:
    """A resource made of functions; without any, it is absent and made at once."""

    kind = "toy"

    def __init__(
        self,
        ensure: Callable[[Run], Any] | None = None,
        *,
        probe: Callable[[Run], Observed] | None = None,
        remove: Callable[[Run], Any] | None = None,
    ) -> None:
        self._ensure = ensure
        self._probe = probe
        self._remove = remove

    def probe(self, run: Run) -> Observed:
        return self._probe(run) if self._probe else Observed(State.ABSENT)

    def ensure(self, run: Run) -> Outputs:
        return (self._ensure(run) if self._ensure else None) or {}

    def remove(self, run: Run) -> None:
        if self._remove:
            self._remove(run)


class MemoryLedger:
    """A ledger that forgets when the test ends; keeps every transition in order."""

    def __init__(self) -> None:
        self.records: dict[str, StepRecord] = {}
        self.transitions: list[tuple[str, Transition]] = []
        self.fenced = False
        self._lock = threading.Lock()

    def record(self, step: str) -> StepRecord:
        with self._lock:
            return self.records.get(step, StepRecord(step))

    def commit(self, step: str, transition: Transition) -> StepRecord:
        with self._lock:
            if self.fenced:
                raise Locked("another run took over", code="fenced")
            self.transitions.append((step, transition))
            self.records[step] = advance(self.records.get(step, StepRecord(step)), transition)
            return self.records[step]

    def kinds(self, step: str) -> list[str]:
        return [type(transition).__name__ for name, transition in self.transitions if name == step]


class OpenGuard:
    """A lease that is ours until the test says otherwise."""

    def __init__(self) -> None:
        self.checks = 0
        self.lost = False

    def check(self) -> None:
        self.checks += 1
        if self.lost:
            raise Locked("another run took over", code="fenced")


class FakeClock:
    """Sleeping moves it on; nobody waits."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._now = 1_000_000.0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def boottime(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._now += seconds

    def patience(self, seconds: float) -> float:
        return seconds


class Lab:
    """A runner with everything around it that a test can look at."""

    def __init__(self, *steps: Step, **more: Any) -> None:
        self.ledger: MemoryLedger = more.pop("ledger", None) or MemoryLedger()
        self.guard = OpenGuard()
        self.clock = FakeClock()
        self.events: list[Event] = []
        self.cancel = CancelToken()
        self.operations: dict[str, list[OperationStatus | Exception]] = {}
        self.polled: list[str] = []
        sink = more.pop("sink", self.events.append)
        self.runner = Runner(
            Graph(steps), {"deployment": self.ledger, "shared": self.ledger},
            {"deployment": self.guard, "shared": self.guard}, self.clock, sink,
            more.pop("classify", lambda error: None), self.poll, RunOptions(**more), cancel=self.cancel,
            jitter=lambda: 1.0,
        )  # fmt: skip

    def poll(self, operation: Operation) -> OperationStatus:
        self.polled.append(operation.name)
        answers = self.operations[operation.name]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def actions(self, result: RunResult) -> dict[str, str]:
        return {step.name: str(step.action) for step in result.steps}

    def told(self, step: str) -> list[str]:
        return [str(event.kind) for event in self.events if event.step == step]


def cloud_error(kind: ErrorKind, service: str = "toy") -> CloudError:
    return CloudError(f"the cloud says {kind}", kind=kind, service=service)


def raising(error: Exception) -> Callable[[Run], Any]:
    def act(run: Run) -> Any:
        raise error

    return act


def done(name: str, /, **outputs: Any) -> StepRecord:
    return StepRecord(name, kind="toy", status=Status.DONE, outputs=outputs, attempts=1)


def ledger_of(*records: StepRecord) -> MemoryLedger:
    ledger = MemoryLedger()
    ledger.records = {record.name: record for record in records}
    return ledger


def all_done(*names: str) -> MemoryLedger:
    return ledger_of(*(done(name) for name in names))
