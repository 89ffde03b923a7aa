"""What all rules of Cloud SQL share: names, refusals, and the one operation at a time that an instance allows."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import operations
from memdeploy.rehearsal.call import Call
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import Refusal, invalid
from memdeploy.rehearsal.store import Row

SERVICE = "sqladmin"
INSTANCE = "Instance"


def bad_request(text: str) -> Refusal:
    """`Error 400: Invalid request: …., invalid`, as every report of a refused setting quotes it."""
    return invalid(f"Invalid request: {text}.", reason="invalid")


def instance_name(call: Call) -> str:
    return f"projects/{call.project.id}/instances/{call.params['instance']}"


def instance(call: Call) -> Row:
    """The instance that the path names. A missing one's answer has no `status` (recorded by k8s-config-connector)."""
    row = call.find(instance_name(call))
    if row is None:
        raise Refusal(404, "", "The Cloud SQL instance does not exist.", reason="instanceDoesNotExist")
    return row


def running_instance(call: Call) -> Row:
    """For users and databases. PENDING_CREATE and stopped instances answer alike, though a stopped one's state stays
    RUNNABLE (turbot/steampipe-plugin-gcp#243, terraform-google-modules/terraform-google-sql-db#408)."""
    row = instance(call)
    if row.body["state"] != "RUNNABLE" or stopped(row):
        raise bad_request("Invalid request since instance is not running")
    return row


def stopped(row: Row) -> bool:
    return bool(row.body["settings"].get("activationPolicy") == "NEVER")


def refuse_when_busy(call: Call, target: str) -> None:
    """An instance does one thing at a time; a second request makes no operation (hashicorp/terraform-provider-google
    #4370, apache/airflow#62671)."""
    if operations.running(call.cloud, SERVICE, target):
        raise Refusal(
            409,
            "",
            "Operation failed because another operation was already in progress. "
            "Try your request after the current operation is complete.",
            reason="operationInProgress",
        )


def begin(
    call: Call,
    kind: str,
    target: str,
    finisher: str,
    data: Mapping[str, Any] | None = None,
    *,
    seconds: float | None = None,
) -> Mapping[str, Any]:
    """Starts an operation on `target`. Its name is a UUID of the server's."""
    name = f"projects/{call.project.id}/operations/{uuid.uuid4()}"
    return operations.start(call, "sql", name, kind=kind, target=target, finisher=finisher, data=data, seconds=seconds)


def list_operations(call: Call) -> Mapping[str, Any]:
    """Newest first, of the project or of one `instance`."""
    wanted = call.text("instance").rsplit("/", 1)[-1]
    records = call.store.operations(SERVICE, f"projects/{call.project.id}/operations/")
    found = [operations.Operation(**record) for record in records]
    mine = [one for one in found if not wanted or one.target.rsplit("/", 1)[-1] == wanted]
    shown = [operations.view(call.cloud, one) for one in sorted(mine, key=lambda one: -one.start)]
    return page(call, "items", shown, kind="sql#operationsList")


def listing(kind: str, rows: list[Row]) -> Mapping[str, Any]:
    """Cloud SQL leaves `items` out when there are none."""
    return {"kind": kind, "items": [row.body for row in rows] or None}


def merged(have: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """A PATCH: objects are merged key by key, null takes a key away, anything else replaces."""
    result = dict(have)
    for key, value in sent.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result
