"""Long-running operations in Google's three dialects.

Completion is a function of (start, length * scale, now): no thread finishes anything. Before each request the server
`settle`s what is due by calling the operation's finisher, which may change resources, and may say that the backing is
not there yet. So a look always sees a settled cloud, whoever looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from memdeploy.rehearsal.call import Call, Cloud, stamp
from memdeploy.rehearsal.lengths import seconds_of

Dialect = Literal["compute", "sql", "lro"]


@dataclass(frozen=True)
class Operation:
    """`name` is the resource name that is polled (`projects/p/locations/r/operations/op-1`, `operations/op-1`,
    `projects/p/zones/z/operations/op-1`, `projects/p/operations/op-1`). `data` is the finisher's own."""

    service: str
    name: str
    dialect: Dialect
    method: str
    kind: str
    "The verb as the dialect names it: insert, delete, CREATE, UPDATE_USER, …"
    target: str
    start: float
    length: float
    "In real seconds: cloud seconds * scale."
    finisher: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    caller: str = ""
    ended: float | None = None
    response: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    "{'code': google.rpc number or word, 'message': str}"
    planned_error: dict[str, Any] | None = None
    "Set by fault injection: the operation ends with it and its finisher is not asked."

    @property
    def due(self) -> float:
        return self.start + self.length


@dataclass(frozen=True)
class Outcome:
    """What a finisher says. `done` False: the backing needs longer, ask again."""

    done: bool = True
    response: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None


WAIT = Outcome(done=False)
Finisher = Callable[[Cloud, Operation], Outcome]


def start(
    call: Call,
    dialect: Dialect,
    name: str,
    *,
    kind: str,
    target: str,
    finisher: str = "",
    data: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    seconds: float | None = None,
    response: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Begins an operation and returns it as its dialect shows it. `seconds` of cloud time, else the table's.

    Without a finisher it simply ends with `response`. One of 0 seconds is ended by the next request.
    """
    length = seconds_of(call.method.id) if seconds is None else seconds
    operation = Operation(
        service=call.method.service,
        name=name,
        dialect=dialect,
        method=call.method.id,
        kind=kind,
        target=target,
        start=call.now,
        length=length * call.cloud.scale * call.slowness,
        finisher=finisher,
        data=dict(data or {}),
        metadata=dict(metadata or {}),
        caller=call.caller,
        response=dict(response) if response is not None else None,
        planned_error=_planned(dialect) if call.doomed else None,
    )
    save(call.cloud, operation)
    return view(call.cloud, operation)


def _planned(dialect: Dialect) -> dict[str, Any]:
    """The error that fault injection ends an operation with. 13 is google.rpc's INTERNAL."""
    return {
        "code": 13 if dialect == "lro" else "INTERNAL_ERROR",
        "message": "An internal error has occurred (rehearsed).",
    }


def fresh_name(call: Call, prefix: str = "operation") -> str:
    """A last part that no other operation has: `operation-17-…`."""
    return f"{prefix}-{int(call.now * 1000)}-{call.store.next('operation'):08x}"


def save(cloud: Cloud, operation: Operation) -> None:
    cloud.store.put_operation(
        operation.service, operation.name, asdict(operation), due=operation.due, open_=operation.ended is None
    )


def find(cloud: Cloud, service: str, name: str) -> Operation | None:
    record = cloud.store.operation(service, name)
    return Operation(**record) if record else None


def running(cloud: Cloud, service: str, target: str) -> list[Operation]:
    """Operations on `target` that have not ended (one operation at a time: Cloud SQL)."""
    return [op for op in (Operation(**r) for r in cloud.store.open_operations(service)) if op.target == target]


def view(cloud: Cloud, operation: Operation) -> dict[str, Any]:
    """The operation as its dialect shows it now."""
    from memdeploy.rehearsal import lro

    return lro.SHOW[operation.dialect](cloud, operation)


def times(operation: Operation) -> dict[str, str]:
    """startTime and endTime as RFC 3339."""
    ended = {"endTime": stamp(operation.ended)} if operation.ended is not None else {}
    return {"startTime": stamp(operation.start), **ended}
