"""What happened, as data. Everything a person or a program is shown is made from these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    RUN_STARTED = "run-started"  # data: command, deployment, provider, target, release, profile, rehearsal
    #   (false or its id), cost_per_month, steps: [{name, title, seconds, needs: [name]}] in their order
    RUN_FINISHED = "run-finished"  # data: status, exit_code, seconds
    PLAN_READY = "plan-ready"  # data: create, change, remove, and plan's result
    STEP_STARTED = "step-started"  # data: title, seconds (usual), resumed
    STEP_PROGRESS = "step-progress"  # data: text
    STEP_RETRY = "step-retry"  # data: kind, attempt, wait, message
    STEP_FINISHED = "step-finished"  # data: action (created|updated|unchanged|adopted|removed|kept), seconds, summary
    STEP_FAILED = "step-failed"  # data: code, message, suggestion, seconds
    STEP_SKIPPED = "step-skipped"  # data: because (a step's name)
    NOTICE = "notice"  # data: text, level (info|warning)
    STOPPING = "stopping"  # data: signal


@dataclass(frozen=True)
class Event:
    """`at` is seconds since the epoch; `step` is None for the run itself."""

    kind: EventKind
    at: float
    step: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


Sink = Callable[[Event], None]
"""Takes events in order, from any thread, and must not block for long. What it raises is swallowed by the runner."""
