"""What a run of the runner came to, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from memdeploy.errors import MemdeployError


class Action(StrEnum):
    """What became of a step. `SKIPPED` was not begun, which is no failure; `PENDING` was begun and has to be gone on
    with by a later command."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ADOPTED = "adopted"
    REMOVED = "removed"
    KEPT = "kept"
    FAILED = "failed"
    SKIPPED = "skipped"
    PENDING = "pending"


GOOD = frozenset({Action.CREATED, Action.UPDATED, Action.UNCHANGED, Action.ADOPTED, Action.REMOVED})


@dataclass(frozen=True)
class StepResult:
    """`attempts` counts how often the step was begun, earlier runs included; `because` names the step that stopped
    this one, for `SKIPPED`, `KEPT` and `PENDING`."""

    name: str
    action: Action
    seconds: float = 0.0
    attempts: int = 0
    error: MemdeployError | None = None
    summary: str = ""
    because: str | None = None
    outputs: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class RunResult:
    """`steps` in the order of the graph. `error` is the first failure; a `NotYet` only when nothing failed.
    `cancelled` is the number of the signal that stopped the run (0: stopped without one), None if none did."""

    steps: tuple[StepResult, ...]
    error: MemdeployError | None = None
    cancelled: int | None = None

    @property
    def ok(self) -> bool:
        return self.error is None and self.cancelled is None

    def step(self, name: str) -> StepResult:
        return next(step for step in self.steps if step.name == name)
