"""The journal as the runner sees it: records of steps, and transitions that must be durable before anything goes on.

Pure data and one pure function, `advance`; storage lives in `memdeploy.state`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from memdeploy.engine.step import Intent, Operation


class Status(StrEnum):
    """Of a step, in the journal."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REMOVED = "removed"
    KEPT = "kept"
    LEFTOVER = "leftover"  # the cloud needs hours; a later command finishes it


@dataclass(frozen=True)
class StepRecord:
    """All that is remembered of one step. `kind` and `identity` rebuild the resource when it has left the graph."""

    name: str
    kind: str = ""
    identity: Mapping[str, Any] = field(default_factory=dict)
    status: Status = Status.PENDING
    holds_data: bool = False
    outputs: Mapping[str, Any] | None = None
    applied: Mapping[str, Any] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    intents: tuple[Intent, ...] = ()
    error: str | None = None
    attempts: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Started:
    kind: str
    identity: Mapping[str, Any]
    holds_data: bool = False


@dataclass(frozen=True)
class IntentOpened:
    intent: Intent


@dataclass(frozen=True)
class OperationNamed:
    intent_id: str
    operation: Operation


@dataclass(frozen=True)
class IntentClosed:
    intent_id: str
    outcome: str  # "done" or the error's code


@dataclass(frozen=True)
class Noted:
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Finished:
    outputs: Mapping[str, Any]
    applied: Mapping[str, Any] | None
    seconds: float


@dataclass(frozen=True)
class Failed:
    error: str
    seconds: float


@dataclass(frozen=True)
class Removed:
    seconds: float = 0.0


@dataclass(frozen=True)
class Kept:
    pass


@dataclass(frozen=True)
class Postponed:
    """The cloud needs more time than a person waits (`NotYet`)."""

    reason: str


Transition = (
    Started | IntentOpened | OperationNamed | IntentClosed | Noted | Finished | Failed | Removed | Kept | Postponed
)


def advance(record: StepRecord, transition: Transition) -> StepRecord:
    """The record after the transition. Closing an intent is idempotent; finishing or removing closes what is open."""
    match transition:
        case Started(kind, identity, holds_data):
            return replace(
                record, kind=kind, identity=dict(identity), holds_data=holds_data, status=Status.RUNNING,
                error=None, attempts=record.attempts + 1,
            )  # fmt: skip
        case IntentOpened(intent):
            rest = tuple(i for i in record.intents if i.id != intent.id)
            return replace(record, intents=(*rest, intent))
        case OperationNamed(intent_id, operation):
            named = tuple(replace(i, operation=operation) if i.id == intent_id else i for i in record.intents)
            return replace(record, intents=named)
        case IntentClosed(intent_id, _):
            return replace(record, intents=tuple(i for i in record.intents if i.id != intent_id))
        case Noted(facts):
            merged = {**record.notes, **facts}
            return replace(record, notes={k: v for k, v in merged.items() if v is not None})
        case Finished(outputs, applied, seconds):
            kept = record.applied if applied is None else dict(applied)
            return replace(
                record, status=Status.DONE, outputs=dict(outputs), applied=kept, intents=(), error=None, seconds=seconds
            )  # fmt: skip
        case Failed(error, seconds):
            return replace(record, status=Status.FAILED, error=error, seconds=seconds)
        case Removed():
            # `final` tells where a last backup is; everything else must not outlive the resource.
            final = {k: v for k, v in record.notes.items() if k == "final"}
            return StepRecord(
                name=record.name, kind=record.kind, identity=record.identity, status=Status.REMOVED, notes=final
            )
        case Kept():
            return replace(record, status=Status.KEPT, intents=(), error=None)
        case Postponed(reason):
            return replace(record, status=Status.LEFTOVER, error=reason)


class Ledger(Protocol):
    """Records and commits for the steps of one journal. Thread-safe."""

    def record(self, step: str) -> StepRecord:
        """The step's record; a fresh one when there is none."""
        ...

    def commit(self, step: str, transition: Transition) -> StepRecord:
        """Returns after the transition is durable. Raises `Locked(code='fenced')` when another run took over."""
        ...


class Guard(Protocol):
    """The lease, as seen before each changing call."""

    def check(self) -> None:
        """Raises `Locked(code='fenced')` unless the lease is provably still ours on a clock that runs through sleep."""
        ...
