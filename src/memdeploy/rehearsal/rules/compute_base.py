"""What all of Compute Engine v1 shares: names, links, operations, request ids, references between resources.

Resources are kept by their path (`projects/p/zones/z/disks/d`); `hidden.uses` lists the paths of what they need, and
`hidden.ready` is false while the operation that makes them runs.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any
from uuid import UUID

from memdeploy.rehearsal import operations
from memdeploy.rehearsal.call import Call, Cloud, stamp
from memdeploy.rehearsal.operations import Finisher, Operation, Outcome
from memdeploy.rehearsal.refusal import Refusal, exists, invalid, not_found, precondition
from memdeploy.rehearsal.rules import labels
from memdeploy.rehearsal.rules.compute_filter import matches
from memdeploy.rehearsal.rules.peerings import resource as by_id
from memdeploy.rehearsal.store import Row

SERVICE = "compute"
BASE = "https://www.googleapis.com/compute/v1"
NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
READY = "ready"


def link(name: str) -> str:
    return f"{BASE}/{name}"


def path_of(call: Call, value: str) -> str:
    """A full link, a partial one (`global/networks/n`, `zones/z/…`) or a path -> the path with the project's id."""
    return by_id(call.cloud, value, call.project.id)


def place(call: Call) -> str:
    """`projects/p/global`, `projects/p/regions/r` or `projects/p/zones/z` of this call."""
    parts = call.name.split("/")
    return "/".join(parts[:3] if parts[2] == "global" else parts[:4])


def target(call: Call, collection: str, parameter: str) -> str:
    return f"{place(call)}/{collection}/{call.params[parameter]}"


def existing(call: Call, name: str) -> Row:
    row = call.find(name)
    if row is None:
        raise not_found(f"The resource '{name}' was not found")
    return row


def needed(call: Call, value: str, field: str) -> Row:
    """A resource that the body names and that must be there and usable."""
    if not value:
        raise invalid(f"Required field 'resource.{field}' not specified", reason="required")
    name = path_of(call, value)
    row = call.find(name)
    if row is None:
        # Recorded: a missing reference of an insert is 404 with the referred resource's path.
        raise not_found(f"The resource '{name}' was not found")
    if not row.hidden.get(READY, True):
        raise not_ready(name)
    return row


def not_ready(name: str) -> Refusal:
    return Refusal(400, "INVALID_ARGUMENT", f"The resource '{name}' is not ready", reason="resourceNotReady")


def check_new(call: Call, collection: str) -> str:
    """The new resource's path, from the body's name."""
    short = str(call.body.get("name", ""))
    if not NAME.fullmatch(short):
        raise invalid(
            f"Invalid value for field 'resource.name': '{short}'. Must be a match of regex"
            " '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'"
        )
    name = f"{place(call)}/{collection}/{short}"
    if call.find(name):
        raise exists(f"The resource '{name}' already exists")
    return name


def insert(
    call: Call,
    type_: str,
    name: str,
    body: Mapping[str, Any],
    *,
    uses: Iterable[str] = (),
    hidden: Mapping[str, Any] | None = None,
    finisher: str = READY,
) -> Mapping[str, Any]:
    """Makes the row, not ready yet, and the operation that makes it so."""
    labels.check(body.get("labels"))
    full = {**body, **stamped(call, name, type_)}
    call.save(type_, name, full, {**(hidden or {}), "uses": sorted(set(uses)), READY: False})
    return begin(call, "insert", name, finisher=finisher)


def stamped(call: Call, name: str, type_: str) -> dict[str, Any]:
    return made(call.cloud, name, type_)


def made(cloud: Cloud, name: str, type_: str) -> dict[str, Any]:
    """What every new resource gets."""
    found: dict[str, Any] = {
        "kind": f"compute#{type_[0].lower()}{type_[1:]}",
        "id": str(4_000_000_000_000_000_000 + cloud.store.next("compute/id") * 7_919 + zlib.crc32(name.encode())),
        "name": name.rsplit("/", 1)[-1],
        "creationTimestamp": stamp(cloud.now),
        "selfLink": link(name),
    }
    parts = name.split("/")
    if parts[2] in ("regions", "zones"):
        found[parts[2][:-1]] = link("/".join(parts[:4]))
    return found


def begin(
    call: Call,
    kind: str,
    name: str,
    *,
    finisher: str = "",
    data: Mapping[str, Any] | None = None,
    seconds: float | None = None,
) -> Mapping[str, Any]:
    row = call.find(name)
    known = {"target_id": row.body.get("id", "0") if row else "0", **(data or {})}
    operation = f"{place(call)}/operations/{operations.fresh_name(call)}"
    shown = operations.start(
        call, "compute", operation, kind=kind, target=name, finisher=finisher, data=known, seconds=seconds
    )
    if call.text("requestId"):
        call.store.put_fact(_request_key(call), operation)
    return shown


def idempotent(handler: Callable[[Call], Mapping[str, Any]]) -> Callable[[Call], Mapping[str, Any]]:
    """The same requestId again answers with the first one's operation.
    https://cloud.google.com/compute/docs/api/how-tos/idempotency"""

    def wrapped(call: Call) -> Mapping[str, Any]:
        request_id = call.text("requestId")
        if request_id:
            _check_uuid(request_id)
            known = call.store.fact(_request_key(call))
            earlier = operations.find(call.cloud, SERVICE, known) if known else None
            if earlier is not None:
                return operations.view(call.cloud, earlier)
        return handler(call)

    return wrapped


def _request_key(call: Call) -> str:
    return f"compute/request/{call.method.id}/{call.text('requestId')}"


def _check_uuid(text: str) -> None:
    try:
        good = UUID(text).int != 0
    except ValueError:
        good = False
    if not good:
        raise invalid(f"Invalid value for field 'requestId': '{text}'. Must be a valid, non-zero UUID.")


def mark_ready(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(SERVICE, operation.target)
    if row is not None:
        cloud.store.put(row.with_hidden(ready=True), cloud.now)
    return Outcome()


def remove_row(cloud: Cloud, operation: Operation) -> Outcome:
    cloud.store.delete(SERVICE, operation.target)
    return Outcome()


def stay(cloud: Cloud, operation: Operation) -> Outcome:
    """A deletion failed: all is as it was, and may be deleted again. That an operation ends with `error` is documented
    (cloud.google.com/compute/docs/reference/rest/v1/globalOperations); that nothing has gone then is our reading."""
    row = cloud.store.get(SERVICE, operation.target)
    if row is not None:
        cloud.store.put(row.with_hidden(deleting=False), cloud.now)
    return Outcome()


def delete(call: Call, name: str, *, finisher: str = "remove", besides: Set[str] = frozenset()) -> Mapping[str, Any]:
    """`besides`: users that go with it."""
    row = existing(call, name)
    if row.hidden.get("deleting"):
        raise not_ready(name)
    refuse_in_use(call.cloud, row, besides)
    call.store.put(row.with_hidden(deleting=True), call.now)
    return begin(call, "delete", name, finisher=finisher)


def users(cloud: Cloud, name: str) -> list[Row]:
    return [row for row in cloud.store.below(SERVICE, "") if name in row.hidden.get("uses", ())]


def refuse_in_use(cloud: Cloud, row: Row, besides: Set[str] = frozenset()) -> None:
    for user in users(cloud, row.name):
        if user.name not in besides:
            raise in_use(row, user.name)


def in_use(row: Row, user: str) -> Refusal:
    kind = row.name.split("/")[-2].rstrip("s").removesuffix("e" if "address" in row.name else "")
    return Refusal(
        400,
        "FAILED_PRECONDITION",
        f"The {kind} resource '{row.name}' is already being used by '{user}'",
        reason="resourceInUseByAnotherResource",
    )


def fingerprint(value: Any) -> str:
    import base64
    import json

    return base64.b64encode(zlib.crc32(json.dumps(value, sort_keys=True).encode()).to_bytes(8, "big")).decode()


def check_fingerprint(sent: str | None, have: str, what: str) -> None:
    if sent != have:
        raise precondition(f"Supplied fingerprint does not match current {what} fingerprint.")


def set_labels(call: Call, name: str) -> Mapping[str, Any]:
    row = existing(call, name)
    have = fingerprint(row.body.get("labels") or {})
    check_fingerprint(call.body.get("labelFingerprint"), have, "labels")
    labels.check(call.body.get("labels"))
    call.store.put(row.with_body(labels=call.body.get("labels") or {}), call.now)
    return begin(call, "setLabels", name)


def labelled(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "labelFingerprint": fingerprint(body.get("labels") or {})}


Show = Callable[[Call, Row], Mapping[str, Any]]


def listed(call: Call, collection: str, type_: str, show: Show) -> Mapping[str, Any]:
    from memdeploy.rehearsal.paging import page

    rows = call.store.children(SERVICE, f"{place(call)}/{collection}")
    items = [show(call, row) for row in rows if row.type == type_]
    chosen = [item for item in items if matches(item, call.text("filter"))]
    return page(call, "items", chosen, kind=f"compute#{type_[0].lower()}{type_[1:]}List", id=call.name)


def aggregated(call: Call, collection: str, type_: str, show: Show) -> Mapping[str, Any]:
    """Every zone's or region's (and the global) items of a project, by place."""
    found: dict[str, dict[str, Any]] = {}
    for row in call.store.below(SERVICE, f"projects/{call.project.id}", type_):
        item = show(call, row)
        if matches(item, call.text("filter")):
            where = "/".join(row.name.split("/")[2:-2])
            found.setdefault(where, {}).setdefault(collection, []).append(item)
    return {"kind": f"compute#{type_[0].lower()}{type_[1:]}AggregatedList", "id": call.name, "items": found}


FINISHERS: Mapping[str, Finisher] = {READY: mark_ready, "remove": remove_row, "fail.remove": stay}
