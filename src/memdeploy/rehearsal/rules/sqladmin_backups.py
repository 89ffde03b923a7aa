"""Cloud SQL backups: those of an instance's life (`backupRuns`) and those that outlive it (`backups`).

https://cloud.google.com/sql/docs/postgres/backup-recovery/final-backup. A backup's name is the server's own; a final
one is found by instance, type FINAL and its description.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import Call, Cloud, stamp
from memdeploy.rehearsal.operations import Operation, Outcome
from memdeploy.rehearsal.refusal import not_found
from memdeploy.rehearsal.rules.sqladmin_base import (
    SERVICE,
    bad_request,
    begin,
    instance,
    listing,
    refuse_when_busy,
)
from memdeploy.rehearsal.store import Row

_DAY = 86400.0
_INPUT_ONLY = ("ttlDays", "name", "type", "state")


def create(call: Call) -> Mapping[str, Any]:
    """An on-demand backup; `instance` in the body names what to back up."""
    project = call.project.id
    parent = call.find(f"projects/{project}/instances/{str(call.body.get('instance') or '').rsplit('/', 1)[-1]}")
    if parent is None:
        raise bad_request(f"Instance {call.body.get('instance')} does not exist")
    refuse_when_busy(call, parent.name)
    name = f"projects/{project}/backups/{uuid.uuid4()}"
    expiry = _expiry(call.now, call.body.get("ttlDays"), call.body.get("expiryTime"))
    data = {"name": name, "type": "ON_DEMAND", "expiry": expiry, "description": call.body.get("description") or ""}
    return begin(call, "BACKUP", parent.name, "backup", data, seconds=120)


def get(call: Call) -> Mapping[str, Any]:
    return _find(call).body


def list_(call: Call) -> Mapping[str, Any]:
    rows = call.store.below(SERVICE, f"projects/{call.project.id}/backups")
    return {"backups": [row.body for row in rows if _matches(row.body, call.text("filter"))] or None}


def update(call: Call) -> Mapping[str, Any]:
    """Changes a final backup's description and expiry (discovery document: "final backups only")."""
    row = _find(call)
    if row.body["type"] != "FINAL":
        raise bad_request("Only final backups can be updated")
    mask = call.mask() or tuple(call.body)
    if set(mask) - {"description", "ttlDays", "expiryTime"}:
        raise bad_request("Only the description and the retention of a backup can be updated")
    changes = {key: call.body[key] for key in mask if key in call.body and key not in _INPUT_ONLY}
    if "ttlDays" in mask:
        changes["expiryTime"] = _expiry(call.now, call.body.get("ttlDays"), None)
    call.save("Backup", row.name, {**row.body, **changes}, row.hidden)
    return begin(call, "UPDATE_BACKUP", row.name, "", seconds=2)


def delete(call: Call) -> Mapping[str, Any]:
    row = _find(call)
    return begin(call, "DELETE_BACKUP", row.name, "backup-gone", {"name": row.name}, seconds=20)


def insert_run(call: Call) -> Mapping[str, Any]:
    parent = instance(call)
    refuse_when_busy(call, parent.name)
    name = f"{parent.name}/backupRuns/{int(call.now * 1000)}"
    data = {"name": name, "description": call.body.get("description") or ""}
    return begin(call, "BACKUP_VOLUME", parent.name, "backup-run", data)


def get_run(call: Call) -> Mapping[str, Any]:
    row = call.find(f"{instance(call).name}/backupRuns/{call.params['id']}")
    if row is None:
        raise not_found("Not Found")
    return row.body


def list_runs(call: Call) -> Mapping[str, Any]:
    rows = call.store.below(SERVICE, f"{instance(call).name}/backupRuns")
    return listing("sql#backupRunsList", sorted(rows, key=lambda row: row.created, reverse=True))


def delete_run(call: Call) -> Mapping[str, Any]:
    get_run(call)
    parent = instance(call)
    refuse_when_busy(call, parent.name)
    name = f"{parent.name}/backupRuns/{call.params['id']}"
    return begin(call, "DELETE_BACKUP", parent.name, "backup-gone", {"name": name}, seconds=20)


def backup_done(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(SERVICE, operation.target)
    if row is not None:
        _store(cloud, row, operation.data["name"], operation.data)
    return Outcome()


def run_done(cloud: Cloud, operation: Operation) -> Outcome:
    row, name = cloud.store.get(SERVICE, operation.target), operation.data["name"]
    if row is None:
        return Outcome()
    body = {
        "kind": "sql#backupRun",
        "id": name.rsplit("/", 1)[-1],
        "instance": row.name.rsplit("/", 1)[-1],
        "type": "ON_DEMAND",
        "status": "SUCCESSFUL",
        "description": operation.data["description"],
        "enqueuedTime": stamp(operation.start),
        "startTime": stamp(operation.start),
        "endTime": stamp(cloud.now),
        "windowStartTime": stamp(operation.start),
        "location": row.body["region"],
        "backupKind": "SNAPSHOT",
        "databaseVersion": row.body["databaseVersion"],
    }
    cloud.store.put(Row(SERVICE, "BackupRun", name, body), cloud.now)
    return Outcome()


def gone(cloud: Cloud, operation: Operation) -> Outcome:
    cloud.store.delete(SERVICE, operation.data["name"])
    return Outcome()


def take_final_backup(cloud: Cloud, row: Row, wish: Mapping[str, Any]) -> None:
    """`wish`: days, expiry, description."""
    name = f"projects/{row.name.split('/')[1]}/backups/{uuid.uuid4()}"
    expiry = wish["expiry"] or _expiry(cloud.now, wish["days"], None)
    data = {"type": "FINAL", "expiry": expiry, "description": wish["description"], "gone": stamp(cloud.now)}
    _store(cloud, row, name, data)


def without_retained(cloud: Cloud, row: Row) -> None:
    """Deletes an instance's ordinary backups with it, unless `retainBackupsOnDelete` keeps them."""
    short = row.name.rsplit("/", 1)[-1]
    for backup in cloud.store.below(SERVICE, f"projects/{row.name.split('/')[1]}/backups"):
        if backup.body["instance"] != short or backup.body.get("instanceDeletionTime"):
            continue
        if row.body["settings"].get("retainBackupsOnDelete"):
            cloud.store.put(backup.with_body(instanceDeletionTime=stamp(cloud.now)), cloud.now)
        else:
            cloud.store.delete(SERVICE, backup.name)


def _store(cloud: Cloud, row: Row, name: str, data: Mapping[str, Any]) -> None:
    body = {
        "kind": "sql#backup",
        "name": name,
        "selfLink": f"https://sqladmin.googleapis.com/v1/{name}",
        "type": data["type"],
        "description": data["description"],
        "instance": row.name.rsplit("/", 1)[-1],
        "location": row.body["region"],
        "backupInterval": {"startTime": stamp(cloud.now), "endTime": stamp(cloud.now)},
        "state": "SUCCESSFUL",
        "backupKind": "SNAPSHOT",
        "databaseVersion": row.body["databaseVersion"],
        "instanceSettings": {key: row.body[key] for key in ("name", "region", "settings", "databaseVersion")},
    }
    extra = {"expiryTime": data["expiry"], "instanceDeletionTime": data.get("gone")}
    body |= {key: value for key, value in extra.items() if value}
    cloud.store.put(Row(SERVICE, "Backup", name, body), cloud.now)


def _expiry(now: float, days: object, given: object) -> str | None:
    if days:
        return stamp(now + int(str(days)) * _DAY)
    return str(given) if given else None


def _find(call: Call) -> Row:
    row = call.find(call.params["name"])
    if row is None:
        raise not_found("Not Found")
    return row


def _matches(body: Mapping[str, Any], filter_: str) -> bool:
    """`instance:abc AND type:FINAL`: terms joined by AND or spaces (discovery document, ListBackups.filter)."""
    for term in filter_.replace(" AND ", " ").split():
        key, _, value = term.partition(":")
        have = str(body.get(key, "")).rsplit("/", 1)[-1]
        if have != value.strip('"').rsplit("/", 1)[-1]:
            return False
    return True
