"""Named points at which a test may kill the process, to prove that the next run finishes with one of everything.

Points: `before-intent`, `after-intent`, `after-call` (the cloud has done it, the answer was not looked at),
`after-answer` (it was, and an operation's name is recorded), `after-outcome`; and the end of each durable transition.

A specification is `after-transition:7` or `<point>:<step>[:<verb>]`, as in `after-call:postgres.instance:create`;
with `stop:` before it the process is not killed but stopped (SIGSTOP), and goes on when it is told to. It acts only
where a run changes nothing but a rehearsal or this machine: nothing in an environment can kill a run against a real
cloud.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum

VARIABLE = "MEMDEPLOY_TEST_CRASH"


class Point(StrEnum):
    BEFORE_INTENT = "before-intent"
    AFTER_INTENT = "after-intent"
    AFTER_CALL = "after-call"
    AFTER_ANSWER = "after-answer"
    AFTER_OUTCOME = "after-outcome"


STOP = "stop:"


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stop_self() -> None:
    """All threads, and this one before it goes a step further: a signal to the process may find another one first."""
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


class CrashPoints:
    """Inert unless made with a specification."""

    def __init__(self, specification: str | None = None, kill: Callable[[], None] = kill_self) -> None:
        self._specification = specification
        self._kill = kill
        self._lock = threading.Lock()
        self._transitions = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, allowed: bool) -> CrashPoints:
        wanted = environment.get(VARIABLE) if allowed else None
        if wanted is None or not wanted.startswith(STOP):
            return cls(wanted)
        return cls(wanted.removeprefix(STOP), stop_self)

    def reached(self, point: Point, step: str, verb: str) -> None:
        if self._specification in (f"{point}:{step}", f"{point}:{step}:{verb}"):
            self._kill()

    def transition(self) -> None:
        """A transition of a journal is durable; they are counted from 1 over all journals of the run."""
        with self._lock:
            self._transitions += 1
            hit = self._specification == f"after-transition:{self._transitions}"
            if hit:
                self._kill()

    @property
    def transitions(self) -> int:
        return self._transitions
