"""Intent -> call -> operation's name -> poll -> outcome; and picking it up again after a crash at any point between.

The order is the promise: the intent is durable before the call, the operation's name before the wait. So a later run
knows of everything that may be under way, and either waits for it by name or looks for its effect.
"""

from __future__ import annotations

import secrets
import string
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from memdeploy.engine.calls import Caller
from memdeploy.engine.clock import Clock
from memdeploy.engine.crash import CrashPoints, Point
from memdeploy.engine.ledger import Guard, IntentClosed, IntentOpened, Ledger, OperationNamed
from memdeploy.engine.retry import CONVERGING, Limit, Limits
from memdeploy.engine.step import Intent, Operation, OperationStatus
from memdeploy.errors import CloudError, ErrorKind, MemdeployError, StepFailed

T = TypeVar("T")
Poll = Callable[[Operation], OperationStatus]
Progress = Callable[[str], None]

_FIRST_LOOK = 1.0
_SELDOM_ENOUGH = 3.0  # when others wait for the end of it
_SELDOM = 10.0  # when nobody does
_LATE = 0.05  # of what it took may be waited on top
_SPARED = 0.1  # of a step's slack
_PATIENT = 3600.0  # for what an earlier run began: how long it would have waited is not known
_TOKEN = string.ascii_lowercase + string.digits

# An operation goes on without us: losing sight of it for a while is no reason to give up.
WATCHING: Limits = {
    **CONVERGING,
    ErrorKind.NETWORK: Limit(attempts=40, first=1.0, ceiling=20.0),
    ErrorKind.UNAVAILABLE: Limit(attempts=40, first=1.0, ceiling=20.0),
}


def new_intent(verb: str, target: str) -> Intent:
    token = secrets.choice(string.ascii_lowercase) + "".join(secrets.choice(_TOKEN) for _ in range(19))
    return Intent(uuid.uuid4().hex[:12], verb, target, request_id=str(uuid.uuid4()), token=token)


def creates(verb: str) -> bool:
    """Whether the target is another thing after this verb than before: `create`, `insert`, `createSnapshot`."""
    return verb.startswith(("create", "insert"))


def deletes(verb: str) -> bool:
    """Whether not finding the target after this verb is what was wanted: `delete`, `removePeering`."""
    return verb.startswith(("delete", "remove", "destroy"))


def same_again(verb: str, trace: object) -> bool:
    """Whether verb and target alone make two changes the same. Those of an update do not: what an earlier run wrote
    may not be what is wanted now."""
    return trace is not None or creates(verb) or deletes(verb)


def until_next_look(waited: float, slack: float) -> float:
    """Seconds of cloud time until an operation that was waited for so long is looked at again.

    An end that is seen late makes everything behind it late: a twentieth at most, and 3 s. That is no more than 60
    looks a minute, where clouds count reads by the hundred a minute and API
    (https://docs.cloud.google.com/compute/api-quota, https://docs.cloud.google.com/sql/docs/quotas). With `slack`, how
    much later a step may end before anybody waits for it, looks are as rare as a tenth of that."""
    needed = min(_SELDOM_ENOUGH, waited * _LATE)
    return max(_FIRST_LOOK, needed, min(_SELDOM, slack * _SPARED))


class Poller:
    """The one that waits. Looks at intervals of cloud time (`until_next_look`), at once when `resumed`."""

    def __init__(self, poll: Poll, caller: Caller, clock: Clock, progress: Progress, slack: float = 0.0) -> None:
        self._poll = poll
        self._caller = caller
        self._clock = clock
        self._progress = progress
        self._slack = slack

    def wait(self, operation: Operation, *, timeout: float) -> Any:
        """Its response; raises its error, and what `finish` raises."""
        status = self.finish(operation, timeout=timeout)
        if status.error is not None:
            raise status.error
        return status.response

    def finish(self, operation: Operation, *, timeout: float, resumed: bool = False) -> OperationStatus:
        """Its last status, be it success or failure. Raises `StepFailed` after `timeout` seconds of cloud time (it goes
        on in the cloud), `CloudError` NOT_FOUND when the cloud does not know it (any more)."""
        deadline = self._clock.boottime() + self._clock.patience(timeout)
        waited, shown = 0.0, ""
        if not resumed:
            waited += self._pause(_FIRST_LOOK)
        while True:
            status = self._caller.call(lambda: self._poll(operation), limits=WATCHING)
            if status.done:
                return status
            if status.progress and status.progress != shown:
                shown = status.progress
                self._progress(shown)
            if self._clock.boottime() >= deadline:
                raise _too_long(operation, timeout)
            waited += self._pause(until_next_look(waited, self._slack))

    def _pause(self, seconds: float) -> float:
        self._caller.pause(seconds)
        return seconds


@dataclass(frozen=True)
class Changes:
    """Changes of one step, recorded in its ledger."""

    step: str
    ledger: Ledger
    guard: Guard
    caller: Caller
    poller: Poller
    crash: CrashPoints

    def resume(self) -> frozenset[tuple[str, str]]:
        """Waits for every operation that an earlier run left open. Returns (verb, target) of those that succeeded; one
        that failed is closed, for the resource to see what is there; one the cloud does not know stays in doubt."""
        done: set[tuple[str, str]] = set()
        for intent in self.ledger.record(self.step).intents:
            if intent.operation is not None and self._follow(intent, intent.operation):
                done.add((intent.verb, intent.target))
        return frozenset(done)

    def make(
        self,
        verb: str,
        target: str,
        call: Callable[[Intent], T],
        *,
        operation: Callable[[T], Operation | None] | None,
        trace: Callable[[Intent], T | None] | None,
        timeout: float,
    ) -> T | None:
        """See `Run.change`."""
        while True:
            intent = self._open(verb, target, same=same_again(verb, trace))
            try:
                answer = self._send(intent, call, trace)
            except CloudError as error:
                if not _gone(intent, error):
                    raise
                return None
            self.crash.reached(Point.AFTER_CALL, self.step, verb)
            try:
                named = operation(answer) if operation is not None else None
            except CloudError as error:
                self._close(intent, error.code)
                # A cloud answers a request id that it knows with what became of it: an earlier run's failure. Whether
                # that cause still stands only a new request tells.
                if not intent.resumed:
                    raise
                continue
            if named is not None:
                self.ledger.commit(self.step, OperationNamed(intent.id, named))
            self.crash.reached(Point.AFTER_ANSWER, self.step, verb)
            if named is not None:
                self._await(intent, named, timeout)
            self._close(intent, "done")
            return answer

    def _open(self, verb: str, target: str, *, same: bool) -> Intent:
        """An intent that is durable: an earlier run's when the change is surely the `same`; else a new one, which
        takes the place of an earlier one of that name. Its own request id matters: a cloud that knows a request id
        does not look at what is asked for."""
        known = self.ledger.record(self.step).intents
        earlier = next((intent for intent in known if (intent.verb, intent.target) == (verb, target)), None)
        if earlier is not None and same:
            return replace(earlier, resumed=True)
        self.caller.check()
        self.crash.reached(Point.BEFORE_INTENT, self.step, verb)
        intent = new_intent(verb, target)
        if earlier is not None:
            intent = replace(intent, id=earlier.id)
        self.ledger.commit(self.step, IntentOpened(intent))
        self.crash.reached(Point.AFTER_INTENT, self.step, verb)
        return intent

    def _send(self, intent: Intent, call: Callable[[Intent], T], trace: Callable[[Intent], T | None] | None) -> T:
        """The answer. An intent is closed by an error that says that nothing came of it; not by one that follows a
        request which may have taken effect (this run's or an earlier one's): the next run has to look for that."""
        look = (lambda: self._traced(intent, trace)) if trace is not None else None
        if intent.resumed and look is not None:
            found = look()
            if found is not None:
                return found
        try:
            return self.caller.call(lambda: call(intent), before=self.guard.check, trace=look)
        except CloudError as error:
            if _gone(intent, error) or error.kind is ErrorKind.CONFLICT or not (error.in_doubt or intent.resumed):
                self._close(intent, error.code)
            raise

    def _traced(self, intent: Intent, trace: Callable[[Intent], T | None]) -> T | None:
        """A trace that cannot be looked for says nothing of the call: its failure must not look like the call's own,
        which would close the intent."""
        try:
            return self.caller.call(lambda: trace(intent))
        except CloudError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise StepFailed(
                f"whether `{intent.verb}` of {intent.target} took effect could not be seen: {error.message}",
                code=error.code,
                suggestion=error.suggestion,
                retryable=True,
            ) from error

    def _await(self, intent: Intent, operation: Operation, timeout: float) -> None:
        """A look that fails says nothing of the operation: only its own error closes the intent."""
        status = self.poller.finish(operation, timeout=timeout)
        if status.error is not None:
            self._close(intent, _code(status.error))
            raise status.error

    def _follow(self, intent: Intent, operation: Operation) -> bool:
        try:
            status = self.poller.finish(operation, timeout=_PATIENT, resumed=True)
        except CloudError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            self.ledger.commit(self.step, IntentOpened(replace(intent, operation=None)))
            return False
        self._close(intent, "done" if status.error is None else _code(status.error))
        return status.error is None

    def _close(self, intent: Intent, outcome: str) -> None:
        self.ledger.commit(self.step, IntentClosed(intent.id, outcome))
        self.crash.reached(Point.AFTER_OUTCOME, self.step, intent.verb)


def _gone(intent: Intent, error: CloudError) -> bool:
    """By this very request, of which the answer was lost, or by somebody else's."""
    return deletes(intent.verb) and error.kind is ErrorKind.NOT_FOUND


def _code(error: Exception) -> str:
    return error.code if isinstance(error, MemdeployError) else "failed"


def _too_long(operation: Operation, timeout: float) -> StepFailed:
    return StepFailed(
        f"operation {operation.name} of {operation.service} was not done after {timeout:.0f} s",
        code="timeout",
        suggestion="It goes on in the cloud: run the same command again to wait for it.",
        retryable=True,
    )
