"""Runs work in parallel along its order: of what is ready, the heaviest first. Knows nothing of steps."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from memdeploy.engine.graph import invert


class Schedule:
    """`work(name)` is called in a thread once all of `needs[name]` returned True; it must not raise.

    After a False, whatever needs it is skipped, directly or not, and `skip(name, because)` is called with the name of
    what failed. Once `stopped()` nothing new starts; what never started is skipped too, with `because` None.
    """

    def __init__(
        self,
        needs: Mapping[str, Sequence[str]],
        work: Callable[[str], bool],
        *,
        weight: Mapping[str, float],
        max_parallel: int,
        stopped: Callable[[], bool],
        skip: Callable[[str, str | None], None],
    ) -> None:
        if max_parallel < 1:
            raise ValueError("max_parallel must be at least 1")
        self._work = work
        self._max_parallel = max_parallel
        self._stopped = stopped
        self._skip = skip
        self._dependents = invert(needs)
        self._missing = {name: len(set(items)) for name, items in needs.items()}
        self._rank = {name: (-weight[name], index) for index, name in enumerate(needs)}
        self._ready: list[tuple[tuple[float, int], str]] = []
        self._running: dict[Future[bool], str] = {}
        self._open = dict.fromkeys(needs)

    def run(self) -> None:
        """Returns when nothing runs and nothing more can start."""
        for name, count in self._missing.items():
            if count == 0:
                self._offer(name)
        with ThreadPoolExecutor(self._max_parallel, thread_name_prefix="memdeploy-step") as pool:
            self._start(pool)
            while self._running:
                done, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda item: self._rank[self._running[item]]):
                    self._finish(self._running.pop(future), future.result())
                self._start(pool)
        for name in list(self._open):
            self._drop(name, None)

    def _start(self, pool: ThreadPoolExecutor) -> None:
        while self._ready and len(self._running) < self._max_parallel and not self._stopped():
            _, name = heapq.heappop(self._ready)
            if name in self._open:
                del self._open[name]
                self._running[pool.submit(self._work, name)] = name

    def _finish(self, name: str, good: bool) -> None:
        for dependent in self._dependents[name]:
            if not good:
                self._skip_all(dependent, name)
                continue
            self._missing[dependent] -= 1
            if self._missing[dependent] == 0:
                self._offer(dependent)

    def _offer(self, name: str) -> None:
        heapq.heappush(self._ready, (self._rank[name], name))

    def _skip_all(self, name: str, because: str) -> None:
        if name not in self._open:
            return
        self._drop(name, because)
        for dependent in self._dependents[name]:
            self._skip_all(dependent, because)

    def _drop(self, name: str, because: str | None) -> None:
        del self._open[name]
        self._skip(name, because)
