"""Steps that note in which order they ran."""

from __future__ import annotations

import threading
from collections.abc import Callable

from memdeploy.engine.step import Outputs, Run, Step
from memdeploy.errors import StepFailed
from tests.unit.engine.toys import Toy


class Journey:
    """Notes in which order steps ran, and how many at the same time."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    def step(
        self, name: str, *needs: str, seconds: float = 1.0, do: Callable[[Run], Outputs | None] | None = None
    ) -> Step:
        def ensure(run: Run) -> Outputs:
            with self._lock:
                self.order.append(name)
                self.running += 1
                self.most = max(self.most, self.running)
            try:
                return (do(run) if do else None) or {}
            finally:
                with self._lock:
                    self.running -= 1

        return Step(name, Toy(ensure), needs=needs, seconds=seconds)


def fails(run: Run) -> Outputs:
    raise StepFailed(f"{run.step} does not work")


def meet(count: int) -> Callable[[Run], Outputs]:
    """Returns only when `count` steps are inside at the same time."""
    barrier = threading.Barrier(count, timeout=10)

    def ensure(run: Run) -> Outputs:
        barrier.wait()
        return {}

    return ensure
