"""What a step is, and what a resource can do and is given.

A provider implements `Resource` (most easily through `converge.Converging`) and builds `Step`s from them. The runner
calls `probe`, `ensure` and `remove` with a `Run`: the step's inputs, its record of earlier runs, and the only ways to
read, to change and to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar, runtime_checkable

from memdeploy.engine.clock import Clock

T = TypeVar("T")
Outputs = Mapping[str, Any]
"""Named results of a step: plain JSON, journalled, never secret (a secret is output as `SecretRef.to_json()`)."""


@dataclass(frozen=True)
class Ref:
    """An input that is another step's output."""

    step: str
    output: str


@dataclass(frozen=True)
class Unknown:
    """Stands in a plan for an output that does not exist yet. Never guessed, never compared."""

    step: str
    output: str


def unknowns(value: object) -> list[Unknown]:
    """All `Unknown`s inside a nested value."""
    if isinstance(value, Unknown):
        return [value]
    if isinstance(value, Mapping):
        return [u for item in value.values() for u in unknowns(item)]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [u for item in value for u in unknowns(item)]
    return []


class State(StrEnum):
    ABSENT = "absent"
    PENDING = "pending"  # still being made or changed; `Observed.operation` when known
    PRESENT = "present"
    DIFFERENT = "different"
    BROKEN = "broken"  # there, ours, and not usable: a failed revision that stayed behind
    FOREIGN = "foreign"  # there, and without our marker
    UNREADABLE = "unreadable"  # 403: not the same as absent


class Effect(StrEnum):
    """What it takes to bring a field from `have` to `want`."""

    IN_PLACE = "in-place"
    RESTART = "restart"
    REPLACE = "replace"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class Difference:
    field: str
    have: Any
    want: Any
    effect: Effect
    reason: str | None = None


@dataclass(frozen=True)
class Operation:
    """Names a long-running operation of the cloud so that another process can wait for it.

    `service` selects the poller (`compute`, `sqladmin`, …), `name` is what that poller needs, usually a full path.
    """

    service: str
    name: str

    def to_json(self) -> dict[str, str]:
        return {"service": self.service, "name": self.name}

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> Operation:
        return cls(data["service"], data["name"])


@dataclass(frozen=True)
class OperationStatus:
    """`error` is a classified `CloudError` (or None); `response` is the operation's own result, plain JSON."""

    done: bool
    error: Exception | None = None
    response: Any = None
    progress: str | None = None


@dataclass(frozen=True)
class Observed:
    """What `probe` saw. `outputs` is set for PRESENT and DIFFERENT; `unknown` lists inputs not known yet. `changing`
    names outputs that will be another once a difference is gone: a plan does not know them."""

    state: State
    differences: tuple[Difference, ...] = ()
    operation: Operation | None = None
    reason: str | None = None
    outputs: Outputs | None = None
    unknown: tuple[Unknown, ...] = ()
    changing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Intent:
    """A change that is about to happen, durable before the call. `request_id` (a UUID) and `token` (20 of [a-z0-9])
    are drawn once and stay the same when the same change is sent again, by this run or (an update excepted, of which
    only verb and target are known to be the same) a later one."""

    id: str
    verb: str
    target: str
    request_id: str
    token: str
    operation: Operation | None = None
    resumed: bool = False


class Run(Protocol):
    """What a resource is given: its view of one step in one run."""

    step: str
    inputs: Mapping[str, Any]
    "Resolved: plain JSON; in a plan some values may be `Unknown`."
    applied: Mapping[str, Any] | None
    "Fields as memdeploy last applied them, from the journal; None before the first time."
    outputs: Outputs | None
    "Outputs of an earlier run, from the journal."
    notes: Mapping[str, Any]
    "Small durable facts of this step, see `note`."
    in_doubt: bool
    "An earlier run left an intent without outcome: not found is not yet absent."
    replace: bool
    "The user named this step with --replace: what cannot be changed in place may be removed and made again."
    clock: Clock

    def read(self, call: Callable[[], T]) -> T:
        """Runs a read-only call; retries what is transient; raises a classified `CloudError`."""
        ...

    def find(self, call: Callable[[], T]) -> T | None:
        """`read`, with None for not found. While `in_doubt`, or for a few seconds after a create of this step,
        not found is asked again until the grace window is over."""
        ...

    def change(
        self,
        verb: str,
        target: str,
        call: Callable[[Intent], T],
        *,
        operation: Callable[[T], Operation | None] | None = None,
        trace: Callable[[Intent], T | None] | None = None,
        timeout: float = 1800.0,
    ) -> T | None:
        """The only way to change anything. Records the intent durably, checks the lease, calls, records the
        operation's name, waits for it (`timeout` in seconds of cloud time), records the outcome.

        `call` must be repeatable by name or by `intent.request_id`; it is repeated after transient errors and after a
        lost answer (a `CONFLICT` then is raised for the caller to read again and adopt). What is not repeatable passes
        `trace`: after a lost answer, in this run or an earlier one, it looks for the effect and returns it, or None.
        Returns None when the effect of an earlier run was found through its operation: read again to see it; and when
        what a delete or remove names is not there (any more). An update
        (any verb but create, insert, delete, remove; without `trace`) is always sent: what was wanted then may differ.
        """
        ...

    def wait(self, operation: Operation, *, timeout: float = 1800.0) -> Any:
        """Polls an operation to its end; its response, or raises its error."""
        ...

    def until(self, look: Callable[[], T | None], *, what: str, every: float = 2.0, timeout: float = 600.0) -> T:
        """Calls `look` (as `read` does) until it returns something. `StepFailed` naming `what` after `timeout`."""
        ...

    def note(self, **facts: Any) -> None:
        """Makes facts durable before returning: a chosen address range, 'we made this disk'. None removes one."""
        ...

    def apply(self, fields: Mapping[str, Any]) -> None:
        """The fields that are now applied; journalled with the step's completion, `applied` next time."""
        ...

    def progress(self, text: str) -> None:
        """One short line for whoever watches; never a secret."""
        ...


class Resource(Protocol):
    """One thing in the cloud. Instances are cheap, hold no state of a run, and are given their clients."""

    @property
    def kind(self) -> str:
        """Stable word that, with `Step.identity`, suffices to rebuild this resource from the journal (for orphans)."""
        ...

    def probe(self, run: Run) -> Observed:
        """Read only."""
        ...

    def ensure(self, run: Run) -> Outputs:
        """Converge: create, update or leave. Safe to repeat, safe after a lost answer. Returns when usable."""
        ...

    def remove(self, run: Run) -> None:
        """Silent when already gone. Raises `NotYet` when the cloud needs more time than a person waits."""
        ...


@runtime_checkable
class Retainable(Protocol):
    """A resource that holds data and can rest while it is kept by `destroy` without --delete-data."""

    def retain(self, run: Run) -> None:
        """Puts it to rest (a stopped database instance); safe to repeat. Its next `ensure` wakes it."""
        ...


@runtime_checkable
class Protected(Protocol):
    """A resource that somebody may have protected against deletion."""

    def protection(self, run: Run) -> str | None:
        """Read only, before the first deletion: why it must not be removed, or None. What memdeploy itself set and
        `remove` lifts as an intent is no reason; `deletion_protection: locked`, or a protection that we did not set
        (found on the resource, not among `run.applied`), is."""
        ...


@runtime_checkable
class Recoverable(Protocol):
    """A resource that needs its notes to be recognised, or removed, to the end."""

    def recovered(self, run: Run) -> Mapping[str, Any]:
        """Read only, when the journal was lost: the notes that what is there still tells. What nobody can know is left
        out; `ensure` must hold without it."""
        ...


@dataclass(frozen=True)
class Outage:
    """What does not answer while a difference of effect `restart` is brought about, and for about how long."""

    unreachable: str
    seconds: float


@dataclass(frozen=True)
class Step:
    """A resource at its place in the order.

    `needs` names steps that must be done first; every `Ref` in `inputs` (nested too) adds one. `seconds` is the usual
    duration, for the critical path and for 'about 4 min left'. `keeps` (for a step that holds data) names the steps
    without which its data cannot live again. `outlives` names steps that are removed before this one, though they do
    not wait for it to be made. `scope` selects the journal: the deployment's own, or `shared`.
    `permanent` steps are never removed (APIs stay on: others may use them). `outage`: what a restart of it means.
    `transient` steps (preflight, verify) are not resources: no plan entry, run each time, nothing to remove.
    """

    name: str
    resource: Resource
    inputs: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    title: str = ""
    seconds: float = 5.0
    holds_data: bool = False
    keeps: tuple[str, ...] = ()
    outlives: tuple[str, ...] = ()
    scope: str = "deployment"
    identity: Mapping[str, Any] = field(default_factory=dict)
    transient: bool = False
    permanent: bool = False
    outage: Outage | None = None
