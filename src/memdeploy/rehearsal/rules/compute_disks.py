"""Disks, snapshots and snapshot schedules. https://cloud.google.com/compute/docs/disks"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import Call, Cloud, Handler
from memdeploy.rehearsal.operations import Finisher, Operation, Outcome
from memdeploy.rehearsal.refusal import Refusal, invalid
from memdeploy.rehearsal.rules import compute_base as base
from memdeploy.rehearsal.rules.compute_places import check_zone
from memdeploy.rehearsal.store import Row

DEFAULT_GB = "500"  # pd-standard's default size when none is given
MIN_GB, MAX_GB = 1, 65536


def insert_disk(call: Call) -> Mapping[str, Any]:
    check_zone(call)
    name = base.check_new(call, "disks")
    if call.body.get("sourceSnapshot"):
        snapshot = base.needed(call, call.body["sourceSnapshot"], "sourceSnapshot")
        call.body.setdefault("sizeGb", snapshot.body["diskSizeGb"])
    uses = [base.needed(call, policy, "resourcePolicies").name for policy in call.body.get("resourcePolicies") or ()]
    return base.insert(call, "Disk", name, disk_body(call, call.body), uses=uses, finisher="disk")


def disk_body(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    size = str(body.get("sizeGb") or DEFAULT_GB)
    if not MIN_GB <= int(size) <= MAX_GB:
        raise invalid(f"Invalid value for field 'resource.sizeGb': '{size}'. Disk size must be between 1 and 65536 GB.")
    kind = body.get("type") or f"zones/{call.params['zone']}/diskTypes/pd-standard"
    return {
        "physicalBlockSizeBytes": "4096",
        **body,
        "sizeGb": size,
        "type": base.link(base.path_of(call, kind)),
        "status": "CREATING",
    }


def finish_disk(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(base.SERVICE, operation.target)
    if row is not None:
        cloud.backing.disk_ensure(row.name)
        cloud.store.put(row.with_body(status="READY").with_hidden(ready=True), cloud.now)
    return Outcome()


def get_disk(call: Call) -> Mapping[str, Any]:
    return show_disk(call, _disk(call))


def list_disks(call: Call) -> Mapping[str, Any]:
    return base.listed(call, "disks", "Disk", show_disk)


def aggregated_disks(call: Call) -> Mapping[str, Any]:
    return base.aggregated(call, "disks", "Disk", show_disk)


def show_disk(call: Call, row: Row) -> Mapping[str, Any]:
    users = [base.link(user.name) for user in base.users(call.cloud, row.name) if user.type == "Instance"]
    return {**base.labelled(row.body), **({"users": users} if users else {})}


def delete_disk(call: Call) -> Mapping[str, Any]:
    return base.delete(call, _disk(call).name, finisher="remove_disk")


def finish_remove_disk(cloud: Cloud, operation: Operation) -> Outcome:
    cloud.backing.disk_remove(operation.target)
    return base.remove_row(cloud, operation)


def resize(call: Call) -> Mapping[str, Any]:
    row = _disk(call)
    wanted = int(call.body.get("sizeGb") or 0)
    if wanted <= int(row.body["sizeGb"]):
        raise invalid(f"Invalid value for field 'sizeGb': '{wanted}'. New disk size must be larger than current size.")
    call.store.put(row.with_body(sizeGb=str(wanted)), call.now)
    return base.begin(call, "resizeDisk", row.name)


def set_disk_labels(call: Call) -> Mapping[str, Any]:
    return base.set_labels(call, base.target(call, "disks", "resource"))


def add_policies(call: Call) -> Mapping[str, Any]:
    """One snapshot schedule a disk. https://cloud.google.com/compute/docs/disks/scheduled-snapshots"""
    row = _disk(call)
    added = [base.needed(call, policy, "resourcePolicies") for policy in call.body.get("resourcePolicies") or ()]
    have = list(row.body.get("resourcePolicies") or ())
    links = [base.link(policy.name) for policy in added if base.link(policy.name) not in have]
    if len(have) + len(links) > 1:
        raise invalid("A disk cannot have more than one snapshot schedule resource policy attached to it.")
    uses = sorted({*row.hidden.get("uses", ()), *(policy.name for policy in added)})
    call.store.put(row.with_body(resourcePolicies=have + links).with_hidden(uses=uses), call.now)
    return base.begin(call, "addResourcePolicies", row.name)


def remove_policies(call: Call) -> Mapping[str, Any]:
    row = _disk(call)
    gone = {base.path_of(call, policy) for policy in call.body.get("resourcePolicies") or ()}
    kept = [p for p in row.body.get("resourcePolicies") or () if base.path_of(call, p) not in gone]
    uses = [name for name in row.hidden.get("uses", ()) if name not in gone]
    call.store.put(row.with_body(resourcePolicies=kept).with_hidden(uses=uses), call.now)
    return base.begin(call, "removeResourcePolicies", row.name)


def create_snapshot(call: Call) -> Mapping[str, Any]:
    return _snapshot(call, _disk(call))


def insert_snapshot(call: Call) -> Mapping[str, Any]:
    return _snapshot(call, base.needed(call, call.body.get("sourceDisk", ""), "sourceDisk"))


def _snapshot(call: Call, disk: Row) -> Mapping[str, Any]:
    """A global resource whose operation lives beside the call. It keeps living when its disk is gone."""
    short = call.body.get("name", "")
    if not base.NAME.fullmatch(short):
        raise invalid(f"Invalid value for field 'resource.name': '{short}'.")
    name = f"projects/{call.project.id}/global/snapshots/{short}"
    if call.find(name):
        raise Refusal(409, "ALREADY_EXISTS", f"The resource '{name}' already exists", reason="alreadyExists")
    body = {
        **call.body,
        "sourceDisk": base.link(disk.name),
        "sourceDiskId": disk.body["id"],
        "diskSizeGb": disk.body["sizeGb"],
        "storageBytes": "0",
        "status": "CREATING",
        **base.stamped(call, name, "Snapshot"),
    }
    call.save("Snapshot", name, body, {"uses": [], base.READY: False})
    kind = "createSnapshot" if call.method.leaf == "createSnapshot" else "insert"
    return base.begin(call, kind, name, finisher="snapshot")


def finish_snapshot(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(base.SERVICE, operation.target)
    if row is not None:
        cloud.store.put(row.with_body(status="READY").with_hidden(ready=True), cloud.now)
    return Outcome()


def fail_snapshot(cloud: Cloud, operation: Operation) -> Outcome:
    """It stays: its status can be FAILED. https://cloud.google.com/compute/docs/reference/rest/v1/snapshots"""
    row = cloud.store.get(base.SERVICE, operation.target)
    if row is not None:
        cloud.store.put(row.with_body(status="FAILED").with_hidden(ready=True), cloud.now)
    return Outcome()


def show_snapshot(call: Call, row: Row) -> Mapping[str, Any]:
    return base.labelled(row.body)


def get_snapshot(call: Call) -> Mapping[str, Any]:
    return show_snapshot(call, base.existing(call, base.target(call, "snapshots", "snapshot")))


def list_snapshots(call: Call) -> Mapping[str, Any]:
    return base.listed(call, "snapshots", "Snapshot", show_snapshot)


def delete_snapshot(call: Call) -> Mapping[str, Any]:
    return base.delete(call, base.target(call, "snapshots", "snapshot"))


def set_snapshot_labels(call: Call) -> Mapping[str, Any]:
    return base.set_labels(call, base.target(call, "snapshots", "resource"))


def insert_policy(call: Call) -> Mapping[str, Any]:
    name = base.check_new(call, "resourcePolicies")
    schedule = (call.body.get("snapshotSchedulePolicy") or {}).get("schedule")
    if "snapshotSchedulePolicy" in call.body and not schedule:
        raise invalid("Required field 'resource.snapshotSchedulePolicy.schedule' not specified", reason="required")
    return base.insert(call, "ResourcePolicy", name, {**call.body, "status": "READY"})


def get_policy(call: Call) -> Mapping[str, Any]:
    return base.existing(call, base.target(call, "resourcePolicies", "resourcePolicy")).body


def list_policies(call: Call) -> Mapping[str, Any]:
    return base.listed(call, "resourcePolicies", "ResourcePolicy", lambda call, row: row.body)


def delete_policy(call: Call) -> Mapping[str, Any]:
    return base.delete(call, base.target(call, "resourcePolicies", "resourcePolicy"))


def patch_policy(call: Call) -> Mapping[str, Any]:
    row = base.existing(call, base.target(call, "resourcePolicies", "resourcePolicy"))
    changes = {k: v for k, v in call.body.items() if k in ("description", "snapshotSchedulePolicy")}
    call.store.put(row.with_body(**changes), call.now)
    return base.begin(call, "patch", row.name)


def _disk(call: Call) -> Row:
    return base.existing(call, base.target(call, "disks", "disk"))


RULES: Mapping[str, Handler] = {
    "compute.disks.insert": base.idempotent(insert_disk),
    "compute.disks.get": get_disk,
    "compute.disks.list": list_disks,
    "compute.disks.aggregatedList": aggregated_disks,
    "compute.disks.delete": base.idempotent(delete_disk),
    "compute.disks.resize": base.idempotent(resize),
    "compute.disks.setLabels": base.idempotent(set_disk_labels),
    "compute.disks.addResourcePolicies": base.idempotent(add_policies),
    "compute.disks.removeResourcePolicies": base.idempotent(remove_policies),
    "compute.disks.createSnapshot": base.idempotent(create_snapshot),
    "compute.snapshots.insert": base.idempotent(insert_snapshot),
    "compute.snapshots.get": get_snapshot,
    "compute.snapshots.list": list_snapshots,
    "compute.snapshots.delete": base.idempotent(delete_snapshot),
    "compute.snapshots.setLabels": set_snapshot_labels,
    "compute.resourcePolicies.insert": base.idempotent(insert_policy),
    "compute.resourcePolicies.get": get_policy,
    "compute.resourcePolicies.list": list_policies,
    "compute.resourcePolicies.patch": base.idempotent(patch_policy),
    "compute.resourcePolicies.delete": base.idempotent(delete_policy),
}
FINISHERS: Mapping[str, Finisher] = {
    "disk": finish_disk,
    "remove_disk": finish_remove_disk,
    "fail.remove_disk": base.stay,
    "snapshot": finish_snapshot,
    "fail.snapshot": fail_snapshot,
}
