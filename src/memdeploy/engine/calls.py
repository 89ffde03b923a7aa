"""Calls to a cloud: classified once, repeated by kind, held back when their API asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from memdeploy.engine.cancel import Halt
from memdeploy.engine.clock import Clock
from memdeploy.engine.retry import ANSWER_LOST, Attempts, Gates, Jitter, Limits
from memdeploy.errors import CloudError, ErrorKind, MemdeployError

T = TypeVar("T")
Classify = Callable[[Exception], CloudError | None]
OnRetry = Callable[[CloudError, int, float], None]
"""Is told the error, the number of failures so far, and the seconds until the next attempt."""


@dataclass(frozen=True)
class CallRules:
    """What all calls of a run share."""

    clock: Clock
    halt: Halt
    gates: Gates
    limits: Limits
    classify: Classify
    jitter: Jitter


class Caller:
    """Makes the calls of one step. `service` names the API it talks to, if known; others are learned from errors."""

    def __init__(self, rules: CallRules, service: str, on_retry: OnRetry) -> None:
        self._rules = rules
        self._services = {service} if service else set()
        self._on_retry = on_retry

    def call(
        self,
        call: Callable[[], T],
        *,
        before: Callable[[], Any] | None = None,
        trace: Callable[[], T | None] | None = None,
        limits: Limits | None = None,
    ) -> T:
        """Until it succeeds or fails for good; then raises a classified `CloudError` (or what is none of the cloud's).
        `before` runs ahead of each attempt; `trace` looks for the effect when an answer was lost."""
        attempts = Attempts(limits or self._rules.limits, self._rules.jitter)
        while True:
            self.check()
            self._rules.gates.wait(self._services, self.pause)
            if before is not None:
                before()
            try:
                result = call()
            except Exception as raised:
                error = self._classified(raised)
                self._hold(error, attempts)
            else:
                self._rules.gates.passed(self._services)
                return result
            if trace is not None and error.kind in ANSWER_LOST:
                found = self.call(trace)
                if found is not None:
                    return found

    def check(self) -> None:
        """Raises `Cancelled` once nothing new may start."""
        self._rules.halt.check()

    def pause(self, seconds: float) -> None:
        self._rules.halt.pause(self._rules.clock, seconds)

    def _classified(self, raised: Exception) -> CloudError:
        if isinstance(raised, CloudError):
            return raised
        if isinstance(raised, MemdeployError):
            raise raised
        error = self._rules.classify(raised)
        if error is None:
            raise raised
        error.__cause__ = raised
        return error

    def _hold(self, error: CloudError, attempts: Attempts) -> None:
        """Waits until the next attempt is due; raises the error when there is none."""
        if error.service:
            self._services.add(error.service)
        delay = attempts.delay(error.kind)
        if delay is None:
            error.in_doubt = attempts.answer_lost
            raise error
        self._on_retry(error, attempts.failures, delay)
        if error.kind is ErrorKind.RATE_LIMIT:
            self._rules.gates.hold(error.service, delay, self.pause)
        else:
            self.pause(delay)
