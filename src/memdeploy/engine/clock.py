"""Time, injected. A rehearsal's cloud runs faster than a real one: intervals shrink, patience need not.

`pace` scales how long we sleep between looks, `patience` scales how long we are willing to wait in all. Against a real
cloud both are 1. Against a rehearsal without containers both follow its time scale; with containers real servers take
real time, so patience stays 1.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def boottime(self) -> float:
        """Seconds on a clock that runs on through suspend; only differences mean anything."""
        ...

    def sleep(self, seconds: float) -> None:
        """Sleeps `seconds` of cloud time; returns early when the run is cancelled."""
        ...

    def patience(self, seconds: float) -> float:
        """How many real seconds to wait for what may take `seconds` of cloud time."""
        ...


def boottime() -> float:
    """`time.monotonic()` stops while a machine sleeps; leases must not. macOS' monotonic clock has the same flaw,
    and there CLOCK_MONOTONIC_RAW runs on."""
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC_RAW"):
        clock = getattr(time, name, None)
        if clock is not None:
            return time.clock_gettime(clock)
    return time.monotonic()


class SystemClock:
    def __init__(self, *, pace: float = 1.0, patience: float = 1.0, cancelled: threading.Event | None = None) -> None:
        self._pace = pace
        self._patience = patience
        self._cancelled = cancelled or threading.Event()

    def unstopped(self) -> SystemClock:
        """The same, but nothing wakes who sleeps."""
        return SystemClock(pace=self._pace, patience=self._patience)

    def now(self) -> float:
        return time.time()

    def boottime(self) -> float:
        return boottime()

    def sleep(self, seconds: float) -> None:
        self._cancelled.wait(max(0.0, seconds * self._pace))

    def patience(self, seconds: float) -> float:
        return seconds * self._patience
