"""Virtual machines: insert and what a machine needs. https://cloud.google.com/compute/docs/instances"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from memdeploy.rehearsal.backing.protocol import VmSpec
from memdeploy.rehearsal.call import Call, Cloud, Handler, stamp
from memdeploy.rehearsal.operations import WAIT, Finisher, Operation, Outcome
from memdeploy.rehearsal.refusal import Refusal, invalid, not_found
from memdeploy.rehearsal.rules import compute_addresses as addresses
from memdeploy.rehearsal.rules import compute_base as base
from memdeploy.rehearsal.rules.compute_disks import disk_body
from memdeploy.rehearsal.rules.compute_places import check_quota, check_zone, machine
from memdeploy.rehearsal.store import Row

# https://cloud.google.com/compute/docs/images/os-details; by name, by family, or by a family's view (as gcloud does)
PUBLIC_IMAGES = re.compile(
    r"(?:https?://[^/]+(?:/compute)?/compute/v1/)?projects/(cos|debian|ubuntu-os|rocky-linux|rhel|centos)-cloud"
    r"/(global/images|zones/[^/]+/imageFamilyViews)/.+"
)


def insert(call: Call) -> Mapping[str, Any]:
    check_zone(call)
    name = base.check_new(call, "instances")
    cpus = cpus_of(check_machine(call, "resource.machineType"))
    region = call.params["zone"].rpartition("-")[0]
    check_quota(call, region, "CPUS", cpus)
    check_metadata(call.body.get("metadata") or {})
    _check_guest_attributes(call)
    account = _account(call)
    interface, subnet, reservation = _interface(call)
    disks, uses = _disks(call, name)
    body = {
        "canIpForward": False,
        "deletionProtection": False,
        **call.body,
        "machineType": base.link(base.path_of(call, call.body["machineType"])),
        "disks": disks,
        "networkInterfaces": [interface],
        "status": "PROVISIONING",
    }
    uses += [subnet.name, *([reservation.name] if reservation else [])]
    hidden = {"account": account, "subnet": subnet.name}
    return base.insert(call, "Instance", name, body, uses=uses, hidden=hidden, finisher="boot")


def check_machine(call: Call, field: str) -> str:
    """The link that the body names, of a type that there is in this zone."""
    wanted = str(call.body.get("machineType", ""))
    if machine(wanted.rsplit("/", 1)[-1]) is None or "/" not in wanted:
        raise invalid(f"Invalid value for field '{field}': '{wanted}'. The referenced resource is unknown.")
    if f"zones/{call.params['zone']}/" not in wanted:
        raise invalid(f"Invalid value for field '{field}': '{wanted}'. It is in another zone.")
    return wanted


def cpus_of(machine_type: str) -> int:
    return (machine(machine_type.rsplit("/", 1)[-1]) or (0, 0))[0]


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """https://cloud.google.com/compute/docs/metadata/setting-custom-metadata#limitations"""
    items = metadata.get("items") or []
    keys = [item.get("key", "") for item in items]
    if len(set(keys)) != len(keys):
        raise invalid("Invalid value for field 'resource.metadata': metadata has duplicate keys.")
    for item in items:
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", item.get("key", "")):
            raise invalid(f"Invalid value for field 'resource.metadata.items.key': '{item.get('key')}'.")
        if len(item.get("value") or "") > 256 * 1024:
            raise invalid("Metadata values are limited to 256 KB.")
    if sum(len(item.get("value") or "") for item in items) > 512 * 1024:
        raise invalid("The total size of all metadata is limited to 512 KB.")


def _check_guest_attributes(call: Call) -> None:
    """https://cloud.google.com/compute/docs/metadata/manage-guest-attributes#org-policy; the form of the answer is
    every constraint's of Compute Engine (fortinet/fortigate-terraform-deploy#34)."""
    items = (call.body.get("metadata") or {}).get("items") or []
    wanted = any(i["key"] == "enable-guest-attributes" and i.get("value", "").upper() == "TRUE" for i in items)
    if wanted and call.project.policies.get("compute.disableGuestAttributesAccess"):
        raise _violated(call, "compute.disableGuestAttributesAccess")


def _violated(call: Call, constraint: str) -> Refusal:
    text = f"Constraint constraints/{constraint} violated for project {call.project.number}."
    return Refusal(412, "FAILED_PRECONDITION", text, reason="conditionNotMet")


def _account(call: Call) -> str:
    """At most one; a new account is not seen everywhere at once."""
    accounts = call.body.get("serviceAccounts") or []
    if not accounts:
        return ""
    email = str(accounts[0].get("email", ""))
    row = call.find(f"projects/{call.project.id}/serviceAccounts/{email}", "iam")
    known = row is not None and not row.hidden.get("deleted") and call.now >= row.hidden.get("known_from", 0.0)
    default = email in ("default", f"{call.project.number}-compute@developer.gserviceaccount.com")
    if len(accounts) > 1 or not (known or default):
        path = f"projects/{call.project.id}/serviceAccounts/{email}"
        raise invalid(f"The resource '{path}' of type 'serviceAccount' was not found.", reason="invalidResourceUsage")
    return email


def _interface(call: Call) -> tuple[dict[str, Any], Row, Row | None]:
    interfaces = call.body.get("networkInterfaces") or []
    if not interfaces:
        raise invalid("Invalid value for field 'resource.networkInterfaces': ''. At least one is required.")
    if len(interfaces) > 1:
        raise Refusal(501, "UNIMPLEMENTED", "The rehearsal has machines with one network interface only.")
    wanted = interfaces[0]
    subnet = base.needed(call, wanted.get("subnetwork", ""), "subnetwork")
    if wanted.get("accessConfigs") and call.project.policies.get("compute.vmExternalIpAccess"):
        # https://cloud.google.com/compute/docs/ip-addresses/configure-static-external-ip-address#disableexternalip
        raise _violated(call, "compute.vmExternalIpAccess")
    reservation = _reservation(call, subnet, wanted.get("networkIP"))
    address = reservation.body["address"] if reservation else addresses.pick(call, subnet, wanted.get("networkIP"))
    network = next(name for name in subnet.hidden["uses"] if "/networks/" in name)
    shown = {
        "kind": "compute#networkInterface",
        "name": "nic0",
        "stackType": "IPV4_ONLY",
        **wanted,
        "network": base.link(network),
        "subnetwork": base.link(subnet.name),
        "networkIP": address,
    }
    return shown, subnet, reservation


def _reservation(call: Call, subnet: Row, wanted: str | None) -> Row | None:
    """`networkIP` may be an address or the link of a reserved one."""
    if not wanted:
        return None
    if "/" in wanted:
        found: Row | None = base.needed(call, wanted, "networkIP")
    else:
        found = addresses.reserved(call, subnet.name, wanted)
    if found is not None:
        for user in base.users(call.cloud, found.name):
            raise base.in_use(found, user.name)
    return found


def _disks(call: Call, name: str) -> tuple[list[dict[str, Any]], list[str]]:
    """(disks as shown, paths used). The boot disk is made along, named like the machine."""
    wanted: Sequence[Mapping[str, Any]] = call.body.get("disks") or []
    if not wanted or not wanted[0].get("boot"):
        raise invalid("Invalid value for field 'resource.disks[0].boot': 'false'. The first disk must be a boot disk.")
    shown, uses, names = [], [], set()
    for index, disk in enumerate(wanted):
        device = disk.get("deviceName") or f"persistent-disk-{index}"
        if device in names:
            raise invalid(f"Invalid value for field 'resource.disks[{index}].deviceName': '{device}'. Already in use.")
        names.add(device)
        path = _attached(call, disk) if disk.get("source") else _made_along(call, disk, name, index)
        uses.append(path)
        kept = {k: v for k, v in disk.items() if k != "initializeParams"}
        common = {"kind": "compute#attachedDisk", "type": "PERSISTENT", "mode": "READ_WRITE", "interface": "SCSI"}
        shown.append({**common, **kept, "index": index, "deviceName": device, "source": base.link(path)})
    return shown, uses


def _attached(call: Call, disk: Mapping[str, Any]) -> str:
    row = base.needed(call, disk["source"], "disks.source")
    for user in base.users(call.cloud, row.name):
        if user.type == "Instance":
            raise base.in_use(row, user.name)
    return row.name


def _made_along(call: Call, disk: Mapping[str, Any], name: str, index: int) -> str:
    wanted = disk.get("initializeParams") or {}
    if index == 0 and not PUBLIC_IMAGES.fullmatch(wanted.get("sourceImage", "")):
        image = wanted.get("sourceImage", "")
        raise not_found(f"The resource '{image}' was not found")
    short = wanted.get("diskName") or name.rsplit("/", 1)[-1]
    path = f"{base.place(call)}/disks/{short}"
    if call.find(path):
        raise Refusal(409, "ALREADY_EXISTS", f"The resource '{path}' already exists", reason="alreadyExists")
    spec = {"sizeGb": wanted.get("diskSizeGb", "10"), "type": wanted.get("diskType"), "labels": wanted.get("labels")}
    body = disk_body(call, {k: v for k, v in spec.items() if v})
    body |= {"status": "READY", "sourceImage": wanted.get("sourceImage", ""), **base.stamped(call, path, "Disk")}
    call.save("Disk", path, body, {"uses": [], base.READY: True, "parent": [base.SERVICE, name], "made_with": name})
    return path


def spec_of(row: Row) -> VmSpec:
    """What the backing is told: the data disks by device name, not the boot disk."""
    disks = {d["deviceName"]: d["source"].removeprefix(f"{base.BASE}/") for d in row.body["disks"] if not d.get("boot")}
    return VmSpec(
        key=row.name,
        network=row.hidden["subnet"],
        address=row.body["networkInterfaces"][0]["networkIP"],
        startup_script=metadata_items(row).get("startup-script", ""),
        disks=disks,
        account=row.hidden.get("account", ""),
    )


def metadata_items(row: Row) -> dict[str, str]:
    return {i["key"]: i.get("value", "") for i in (row.body.get("metadata") or {}).get("items") or ()}


def finish_boot(cloud: Cloud, operation: Operation) -> Outcome:
    """insert and start: RUNNING once the machine runs; what its script does then is told by guest attributes."""
    row = cloud.store.get(base.SERVICE, operation.target)
    if row is None:
        return Outcome()
    progress = cloud.backing.vm_ensure(spec_of(row))
    if progress.error:
        if operation.kind == "insert":
            forget(cloud, row)
        return Outcome(error={"code": "INTERNAL_ERROR", "message": progress.error})
    if not progress.done:
        return WAIT
    started = row.with_body(status="RUNNING", lastStartTimestamp=stamp(cloud.now))
    cloud.store.put(started.with_hidden(ready=True, started=cloud.now, guest={}), cloud.now)
    return Outcome()


def fail_boot(cloud: Cloud, operation: Operation) -> Outcome:
    """A machine that could not be made leaves nothing, its boot disk neither."""
    row = cloud.store.get(base.SERVICE, operation.target)
    if row is not None and operation.kind == "insert":
        forget(cloud, row)
    return Outcome()


def forget(cloud: Cloud, row: Row) -> None:
    """Takes the machine and its own disks away; disks that are kept are free again."""
    cloud.backing.vm_remove(row.name)
    for disk in row.body["disks"]:
        if disk.get("autoDelete"):
            path = disk["source"].removeprefix(f"{base.BASE}/")
            cloud.backing.disk_remove(path)
            cloud.store.delete(base.SERVICE, path)
    cloud.store.delete(base.SERVICE, row.name)


RULES: Mapping[str, Handler] = {"compute.instances.insert": base.idempotent(insert)}
FINISHERS: Mapping[str, Finisher] = {"boot": finish_boot, "fail.boot": fail_boot}
