"""What a resource is given (`step.Run`): the only ways to read, to change and to wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from memdeploy.engine.calls import Caller
from memdeploy.engine.clock import Clock
from memdeploy.engine.ledger import Ledger, Noted
from memdeploy.engine.operations import Changes, Poller, Progress, deletes, same_again
from memdeploy.engine.step import Intent, Operation, Outputs
from memdeploy.engine.values import plain
from memdeploy.errors import CloudError, ErrorKind, StepFailed

T = TypeVar("T")

IN_DOUBT_WINDOW = 30.0
"""Seconds of cloud time after which what an interrupted run may have sent must be visible, if it was ever received."""
FRESH_WINDOW = 6.0
"""The same for what this run itself has just made."""
_GRACE_LOOK = 2.0


class StepRun:
    """`Run` for one step; `changes` is None while steps are only looked at."""

    def __init__(
        self,
        step: str,
        inputs: Mapping[str, Any],
        *,
        ledger: Ledger,
        caller: Caller,
        poller: Poller,
        changes: Changes | None,
        clock: Clock,
        progress: Progress,
        replace: bool = False,
    ) -> None:
        record = ledger.record(step)
        self.step = step
        self.inputs = inputs
        self.applied = record.applied
        self.outputs: Outputs | None = record.outputs
        self.notes = record.notes
        self.in_doubt = False
        self.replace = replace
        self.clock = clock
        self.progress = progress
        self.newly_applied: Mapping[str, Any] | None = None
        self.changed: list[str] = []
        self._ledger = ledger
        self._caller = caller
        self._poller = poller
        self._changes = changes
        self._settled: frozenset[tuple[str, str]] = frozenset()
        self._grace = 0.0

    def resume(self, *, interrupted: bool) -> None:
        """Finishes what an earlier run began, as far as it can be followed; the rest puts this run in doubt.
        `interrupted`: that run did not get to the end of this step, so what it made may be very new; so may be what
        is to be removed."""
        self._settled = self._change().resume()
        self.in_doubt = any(not deletes(intent.verb) for intent in self._ledger.record(self.step).intents)
        if self.in_doubt:
            self._grace = IN_DOUBT_WINDOW
        elif interrupted or any(not deletes(verb) for verb, _ in self._settled):
            self._grace = FRESH_WINDOW

    def read(self, call: Callable[[], T]) -> T:
        return self._caller.call(call)

    def find(self, call: Callable[[], T]) -> T | None:
        while True:
            found = self._look(call)
            if found is not None:
                return found
            if self._grace <= 0:
                self._settled = frozenset()
                return None
            self._grace -= _GRACE_LOOK
            self._caller.pause(_GRACE_LOOK)

    def change(
        self,
        verb: str,
        target: str,
        call: Callable[[Intent], T],
        *,
        operation: Callable[[T], Operation | None] | None = None,
        trace: Callable[[Intent], T | None] | None = None,
        timeout: float = 1800.0,
    ) -> T | None:
        changes = self._change()
        if (verb, target) in self._settled:
            self._settled -= {(verb, target)}
            if same_again(verb, trace):
                return None
        answer = changes.make(verb, target, call, operation=operation, trace=trace, timeout=timeout)
        self.changed.append(verb)
        self._grace = 0.0 if deletes(verb) else FRESH_WINDOW
        return answer

    def wait(self, operation: Operation, *, timeout: float = 1800.0) -> Any:
        return self._poller.wait(operation, timeout=timeout)

    def until(self, look: Callable[[], T | None], *, what: str, every: float = 2.0, timeout: float = 600.0) -> T:
        deadline = self.clock.boottime() + self.clock.patience(timeout)
        while True:
            found = self._look(look)
            if found is not None:
                return found
            if self.clock.boottime() >= deadline:
                raise StepFailed(f"waited {timeout:.0f} s for {what}", code="timeout", where=self.step, retryable=True)
            self._caller.pause(every)

    def note(self, **facts: Any) -> None:
        self._change()
        self.notes = self._ledger.commit(self.step, Noted(plain(facts, "note"))).notes

    def apply(self, fields: Mapping[str, Any]) -> None:
        self.newly_applied = plain(fields, "applied")

    def _look(self, call: Callable[[], T | None]) -> T | None:
        try:
            return self._caller.call(call)
        except CloudError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            return None

    def _change(self) -> Changes:
        if self._changes is None:
            raise RuntimeError(f"{self.step} tried to change something while it was only looked at")
        return self._changes
