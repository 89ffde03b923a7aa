"""How often a call is repeated, by what went wrong. What is not listed here is permanent: it stops at once.

All delays are seconds of cloud time and are jittered, so that steps which failed together do not come back together.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from memdeploy.errors import ErrorKind

Jitter = Callable[[], float]
"""Uniform in [0, 1), as `random.random`."""


@dataclass(frozen=True)
class Limit:
    """`attempts` counts the first send; delays double from `first` up to `ceiling`."""

    attempts: int
    first: float
    ceiling: float

    def delay(self, failures: int) -> float:
        """Before the next attempt, after this many failures."""
        return float(min(self.ceiling, self.first * 2 ** min(failures - 1, 30)))

    def total(self) -> float:
        """The longest that all delays together can take."""
        return sum(self.delay(n) for n in range(1, self.attempts))


Limits = Mapping[ErrorKind, Limit]

# Another operation on the same Cloud SQL instance may well be a ten-minute one.
BUSY = Limit(attempts=70, first=2.0, ceiling=10.0)  # 674 s
# New service accounts and grants take up to minutes to be seen everywhere.
NOT_READY = Limit(attempts=32, first=2.0, ceiling=10.0)  # 294 s
# An API that was just enabled: up to 3 minutes, rarely more. Everything waits for it, so it is asked often.
NOT_ENABLED = Limit(attempts=99, first=2.5, ceiling=2.5)  # 245 s
RATE_LIMIT = Limit(attempts=12, first=2.0, ceiling=60.0)  # 422 s: quotas are counted by the minute
UNAVAILABLE = Limit(attempts=8, first=1.0, ceiling=20.0)  # 71 s
NETWORK = Limit(attempts=8, first=1.0, ceiling=20.0)  # 71 s

CONVERGING: Limits = {
    ErrorKind.BUSY: BUSY,
    ErrorKind.NOT_READY: NOT_READY,
    ErrorKind.NOT_ENABLED: NOT_ENABLED,
    ErrorKind.RATE_LIMIT: RATE_LIMIT,
    ErrorKind.UNAVAILABLE: UNAVAILABLE,
    ErrorKind.NETWORK: NETWORK,
}
"""While steps are made: what passes by itself is waited for."""

UNBEGUN: Limits = {kind: limit for kind, limit in CONVERGING.items() if kind is not ErrorKind.NOT_ENABLED}
"""While steps are removed that were never begun: behind an API that is off there is nothing of them."""

LOOKING: Limits = {
    ErrorKind.RATE_LIMIT: RATE_LIMIT,
    ErrorKind.UNAVAILABLE: UNAVAILABLE,
    ErrorKind.NETWORK: NETWORK,
}
"""While steps are only looked at: what is not there yet is an answer."""

ANSWER_LOST = frozenset({ErrorKind.NETWORK, ErrorKind.UNAVAILABLE})
"""After these the effect of a call is not known."""


class Attempts:
    """Failures of one call, counted by kind."""

    def __init__(self, limits: Limits, jitter: Jitter) -> None:
        self._limits = limits
        self._jitter = jitter
        self._failures: Counter[ErrorKind] = Counter()

    def delay(self, kind: ErrorKind) -> float | None:
        """Counts a failure; seconds to wait before the next attempt, or None when it was the last."""
        self._failures[kind] += 1
        limit = self._limits.get(kind)
        if limit is None or self._failures[kind] >= limit.attempts:
            return None
        return limit.delay(self._failures[kind]) * (0.5 + self._jitter() / 2)

    @property
    def failures(self) -> int:
        return self._failures.total()

    @property
    def answer_lost(self) -> bool:
        """Whether any of them may have taken effect."""
        return any(self._failures[kind] for kind in ANSWER_LOST)


class Gates:
    """One gate for each API (`CloudError.service`). A 429 shuts it for all callers of that API, whatever their step;
    each further one without a success in between shuts it for longer."""

    def __init__(self, limit: Limit = RATE_LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._shut: Counter[str] = Counter()
        self._strikes: Counter[str] = Counter()

    def wait(self, services: Iterable[str], pause: Callable[[float], None]) -> None:
        """Returns once the gates of all these services are open."""
        wanted = tuple(services)
        while self._any_shut(wanted):
            pause(0.5)

    def hold(self, service: str, at_least: float, pause: Callable[[float], None]) -> None:
        """Shuts the gate for the back-off that is due and opens it again."""
        with self._lock:
            self._shut[service] += 1
            self._strikes[service] += 1
            delay = max(at_least, self._limit.delay(self._strikes[service]))
        try:
            pause(delay)
        finally:
            with self._lock:
                self._shut[service] -= 1

    def passed(self, services: Iterable[str]) -> None:
        """A call went through."""
        with self._lock:
            for service in services:
                self._strikes.pop(service, None)

    def _any_shut(self, services: Iterable[str]) -> bool:
        with self._lock:
            return any(self._shut[service] for service in services)
