"""Toy resources for tests of the engine: they do what a test tells them, and remember nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memdeploy.engine.step import Observed, Outputs, Run, State


class Toy:
    """A resource made of functions; without any, it is absent and made at once."""

    kind = "toy"

    def __init__(
        self,
        ensure: Callable[[Run], Outputs | None] | None = None,
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
