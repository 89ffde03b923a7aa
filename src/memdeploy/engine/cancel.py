"""Stopping: a token that a signal sets, and the halt of one run, which a signal or a failed step brings about.

After either nothing new is started: no step, no changing call, no further look at an operation. A call in flight comes
back and is recorded; what it started in the cloud goes on there and is picked up by the next run.
"""

from __future__ import annotations

import threading

from memdeploy.engine.clock import Clock
from memdeploy.errors import Cancelled

_SLICE = 1.0  # seconds of cloud time: how soon a sleeping step notices that another one failed


class CancelToken:
    """Set once, from any thread. Its `event` is what a `SystemClock` wakes up by."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.signal: int | None = None

    def cancel(self, signal: int | None = None) -> None:
        """`signal` is the number of the signal that asked for it, if one did."""
        if self.signal is None:
            self.signal = signal
        self.event.set()

    @property
    def cancelled(self) -> bool:
        return self.event.is_set()


class Halt:
    """Whether one run of the runner may still start something; thread-safe."""

    def __init__(self, token: CancelToken) -> None:
        self.token = token
        self.because: str | None = None  # the step that failed first

    def stop(self, because: str) -> None:
        """Because a step failed."""
        if self.because is None:
            self.because = because

    @property
    def stopped(self) -> bool:
        return self.token.cancelled or self.because is not None

    def check(self) -> None:
        """Raises `Cancelled` once the run is to stop."""
        if self.token.cancelled:
            raise Cancelled("the run was asked to stop", suggestion="Run the same command again to go on from here.")
        if self.because is not None:
            raise Cancelled(f"stopped because {self.because} failed")

    def pause(self, clock: Clock, seconds: float) -> None:
        """Sleeps `seconds` of cloud time; raises `Cancelled` soon after the run is to stop."""
        left = seconds
        while left > 0:
            self.check()
            clock.sleep(min(left, _SLICE))
            left -= _SLICE
        self.check()
