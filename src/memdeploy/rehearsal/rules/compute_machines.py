"""What is done with machines that exist. https://cloud.google.com/compute/docs/instances"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import metadata
from memdeploy.rehearsal.call import Call, Cloud, Handler
from memdeploy.rehearsal.operations import Finisher, Operation, Outcome
from memdeploy.rehearsal.refusal import denied, invalid, not_found
from memdeploy.rehearsal.rules import compute_base as base
from memdeploy.rehearsal.rules.compute_instances import (
    check_machine,
    check_metadata,
    forget,
    metadata_items,
    spec_of,
)
from memdeploy.rehearsal.store import Row

# Without real servers behind it a machine's boot is told as our boot script tells it: cloud seconds after the start.
PHASES = ((8.0, "starting"), (15.0, "disk"), (20.0, "secrets"), (30.0, "image"), (60.0, "running"), (90.0, "ready"))
NAMESPACE = "memdeploy"


def get(call: Call) -> Mapping[str, Any]:
    return show(call, _row(call))


def list_(call: Call) -> Mapping[str, Any]:
    return base.listed(call, "instances", "Instance", show)


def aggregated(call: Call) -> Mapping[str, Any]:
    return base.aggregated(call, "instances", "Instance", show)


def show(call: Call, row: Row) -> Mapping[str, Any]:
    data = row.body.get("metadata") or {}
    shown = {"kind": "compute#metadata", **data, "fingerprint": base.fingerprint(data.get("items") or [])}
    return {**base.labelled(row.body), "metadata": shown}


def set_metadata(call: Call) -> Mapping[str, Any]:
    """Replaces all items; the fingerprint of the ones read is a must.
    https://cloud.google.com/compute/docs/metadata/setting-custom-metadata"""
    row = _row(call)
    have = base.fingerprint((row.body.get("metadata") or {}).get("items") or [])
    base.check_fingerprint(call.body.get("fingerprint"), have, "metadata")
    check_metadata(call.body)
    items = call.body.get("items") or []
    call.store.put(row.with_body(metadata={"items": items} if items else {}), call.now)
    return base.begin(call, "setMetadata", row.name)


def set_labels(call: Call) -> Mapping[str, Any]:
    return base.set_labels(call, base.target(call, "instances", "instance"))


def set_machine_type(call: Call) -> Mapping[str, Any]:
    """ "Changes the machine type for a stopped instance" (discovery document); the words of the refusal are ours.
    https://cloud.google.com/compute/docs/instances/changing-machine-type-of-stopped-instance"""
    row = _row(call)
    wanted = check_machine(call, "machineType")
    if row.body["status"] != "TERMINATED":
        raise invalid(
            f"Invalid resource usage: 'The machine type of {row.name} can only be changed while it is stopped.'",
            reason="invalidResourceUsage",
        )
    call.store.put(row.with_body(machineType=base.link(base.path_of(call, wanted))), call.now)
    return base.begin(call, "setMachineType", row.name)


def set_deletion_protection(call: Call) -> Mapping[str, Any]:
    """The parameter's default is true."""
    row = base.existing(call, base.target(call, "instances", "resource"))
    wanted = call.flag("deletionProtection") if call.text("deletionProtection") else True
    call.store.put(row.with_body(deletionProtection=wanted), call.now)
    return base.begin(call, "setDeletionProtection", row.name)


def guest_attributes(call: Call) -> Mapping[str, Any]:
    """404 before the first write. https://cloud.google.com/compute/docs/metadata/manage-guest-attributes"""
    row = _row(call)
    if call.project.policies.get("compute.disableGuestAttributesAccess"):
        raise denied("Guest attributes access is disabled by organization policy.")
    if not metadata.guest_enabled(row):
        raise denied("Guest attributes are not enabled for this instance.")
    row = _stand_in(call, row)
    path = call.text("queryPath") or call.text("variableKey")
    namespace, _, key = path.strip("/").partition("/")
    found = [
        {"namespace": ns, "key": k, "value": value}
        for ns, pairs in metadata.guest_attributes(row).items()
        for k, value in pairs.items()
        if namespace in ("", ns) and key in ("", k)
    ]
    if not found:
        raise not_found(f"The resource 'guest attributes of {row.name}' of type 'Guest Attribute' was not found.")
    link = f"{base.link(row.name)}/guestAttributes/{path}"
    if call.text("variableKey"):
        return {
            "kind": "compute#guestAttributes",
            "variableKey": path,
            "variableValue": found[0]["value"],
            "selfLink": link,
        }
    return {"kind": "compute#guestAttributes", "queryPath": path, "queryValue": {"items": found}, "selfLink": link}


def _stand_in(call: Call, row: Row) -> Row:
    if call.backing.name != "none" or "startup-script" not in metadata_items(row) or row.body["status"] != "RUNNING":
        return row
    reached = [phase for seconds, phase in PHASES if call.cloud.after(seconds, since=row.hidden.get("started"))]
    told = metadata.guest_attributes(row).get(NAMESPACE, {}).get("phase")
    if not reached or told == reached[-1]:
        return row
    return metadata.write_guest(call.cloud, row, NAMESPACE, {"phase": reached[-1]})


def serial_port(call: Call) -> Mapping[str, Any]:
    row = _row(call)
    text = call.backing.vm_console(spec_of(row).key) if row.body["status"] == "RUNNING" else ""
    begin = min(int(call.text("start") or 0), len(text))
    return {
        "kind": "compute#serialPortOutput",
        "contents": text[begin:],
        "start": str(begin),
        "next": str(len(text)),
        "selfLink": f"{base.link(row.name)}/serialPort",
    }


def stop(call: Call) -> Mapping[str, Any]:
    row = _row(call)
    call.store.put(row.with_body(status="STOPPING"), call.now)
    return base.begin(call, "stop", row.name, finisher="stop", data={"was": row.body["status"]})


def finish_stop(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(base.SERVICE, operation.target)
    if row is not None:
        cloud.backing.vm_remove(row.name)
        cloud.store.put(row.with_body(status="TERMINATED").with_hidden(started=None), cloud.now)
    return Outcome()


def start(call: Call) -> Mapping[str, Any]:
    row = _row(call)
    if row.body["status"] not in ("TERMINATED", "RUNNING"):
        raise base.not_ready(row.name)
    if row.body["status"] == "TERMINATED":
        call.store.put(row.with_body(status="STAGING"), call.now)
    return base.begin(call, "start", row.name, finisher="boot")


def delete(call: Call) -> Mapping[str, Any]:
    """https://cloud.google.com/compute/docs/instances/preventing-accidental-vm-deletion"""
    row = _row(call)
    if row.body.get("deletionProtection"):
        raise invalid(
            "Invalid resource usage: 'Resource cannot be deleted if it's protected against deletion."
            f" Remove the protection of {row.name} first.'",
            reason="invalidResourceUsage",
        )
    call.store.put(row.with_body(status="STOPPING"), call.now)
    return base.begin(call, "delete", row.name, finisher="remove_machine", data={"was": row.body["status"]})


def finish_remove(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(base.SERVICE, operation.target)
    if row is not None:
        forget(cloud, row)
    return Outcome()


def go_on(cloud: Cloud, operation: Operation) -> Outcome:
    """Stopping or deleting it failed: it does what it did before."""
    row = cloud.store.get(base.SERVICE, operation.target)
    if row is not None and row.body["status"] == "STOPPING":
        cloud.store.put(row.with_body(status=operation.data["was"]), cloud.now)
    return Outcome()


def _row(call: Call) -> Row:
    return base.existing(call, base.target(call, "instances", "instance"))


RULES: Mapping[str, Handler] = {
    "compute.instances.get": get,
    "compute.instances.list": list_,
    "compute.instances.aggregatedList": aggregated,
    "compute.instances.setMetadata": base.idempotent(set_metadata),
    "compute.instances.setLabels": base.idempotent(set_labels),
    "compute.instances.setMachineType": base.idempotent(set_machine_type),
    "compute.instances.setDeletionProtection": base.idempotent(set_deletion_protection),
    "compute.instances.getGuestAttributes": guest_attributes,
    "compute.instances.getSerialPortOutput": serial_port,
    "compute.instances.stop": base.idempotent(stop),
    "compute.instances.start": base.idempotent(start),
    "compute.instances.delete": base.idempotent(delete),
}
FINISHERS: Mapping[str, Finisher] = {
    "stop": finish_stop,
    "fail.stop": go_on,
    "remove_machine": finish_remove,
    "fail.remove_machine": go_on,
}
