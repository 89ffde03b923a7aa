"""Cloud SQL instances: insert, get, list, patch, update, delete, server authorities. v1 and v1beta4 over one state."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.backing.protocol import SqlSpec
from memdeploy.rehearsal.call import Call, Cloud, stamp
from memdeploy.rehearsal.operations import WAIT, Operation, Outcome
from memdeploy.rehearsal.refusal import Refusal, invalid
from memdeploy.rehearsal.rules import holds, sqladmin_address, sqladmin_authority, sqladmin_shapes
from memdeploy.rehearsal.rules.sqladmin_backups import take_final_backup, without_retained
from memdeploy.rehearsal.rules.sqladmin_base import (
    INSTANCE,
    SERVICE,
    bad_request,
    begin,
    instance,
    listing,
    merged,
    refuse_when_busy,
)
from memdeploy.rehearsal.store import Row

_OUTPUT_ONLY = ("state", "ipAddresses", "serverCaCert", "createTime", "connectionName", "selfLink", "kind", "etag")


def insert(call: Call) -> Mapping[str, Any]:
    sent = {key: value for key, value in call.body.items() if key not in _OUTPUT_ONLY}
    name, project = str(sent.get("name") or ""), call.project.id
    target = f"projects/{project}/instances/{name}"
    if problem := sqladmin_shapes.name_problem(project, name):
        raise bad_request(problem)
    if call.find(target):
        raise Refusal(409, "", "The Cloud SQL instance already exists.", reason="instanceAlreadyExists")
    password = sent.pop("rootPassword", None)
    body = _with_defaults(sent, project)
    _check(body)
    _check_policies(call, body)
    hidden = {"region": body["region"]}
    if body["settings"]["ipConfiguration"].get("privateNetwork"):
        hidden |= sqladmin_address.allocate(call, name, body)
    row = call.save(INSTANCE, target, {**body, "state": "PENDING_CREATE", "createTime": stamp(call.now)}, hidden)
    _make_authority(call, row)
    if password:
        call.store.secrets.put(f"{target}/users/postgres", password.encode())
    return begin(call, "CREATE", target, "created")


def get(call: Call) -> Mapping[str, Any]:
    return instance(call).body


def list_(call: Call) -> Mapping[str, Any]:
    rows = call.store.below(SERVICE, f"projects/{call.project.id}/instances", INSTANCE)
    return listing("sql#instancesList", [row for row in rows if _wanted(row, call.text("filter"))])


def patch(call: Call) -> Mapping[str, Any]:
    return _change(call, merged(instance(call).body, _writable(call.body)))


def update(call: Call) -> Mapping[str, Any]:
    """A PUT replaces the settings; settingsVersion is required then (discovery document, Settings.settingsVersion)."""
    if not (call.body.get("settings") or {}).get("settingsVersion"):
        raise bad_request("Missing parameter: settingsVersion")
    row, sent = instance(call), _writable(call.body)
    kept = {"edition": row.body["settings"]["edition"]}
    return _change(call, {**row.body, **sent, "settings": {**kept, **(sent.get("settings") or {})}})


def delete(call: Call) -> Mapping[str, Any]:
    row = instance(call)
    if row.body["settings"].get("deletionProtectionEnabled"):
        raise invalid(
            "The instance is protected. Please disable the deletion protection and try again. To disable deletion "
            "protection, update the instance settings with deletionProtectionEnabled set to false."
        )
    refuse_when_busy(call, row.name)
    final = _final_backup(call, row)
    call.save(INSTANCE, row.name, {**row.body, "state": "PENDING_DELETE"}, row.hidden)
    data = {"final": final, "before": row.body}
    # A final backup is taken first: minutes more (E).
    return begin(call, "DELETE", row.name, "deleted", data, seconds=240 if final else None)


def list_server_cas(call: Call) -> Mapping[str, Any]:
    row = instance(call)
    certificate = sqladmin_authority.describe(row.hidden["authority"], call.params["instance"])
    return {
        "kind": "sql#instancesListServerCas",
        "certs": [certificate],
        "activeVersion": certificate["sha1Fingerprint"],
    }


def created(cloud: Cloud, operation: Operation) -> Outcome:
    """The end of an insert: the instance runs, with the database and the user that PostgreSQL always has."""
    row = cloud.store.get(SERVICE, operation.target)
    if row is None:
        return Outcome()
    if "address" in row.hidden:
        progress = cloud.backing.sql_ensure(_spec(cloud, row))
        if not progress.done:
            return WAIT
        if progress.error:
            cloud.store.put(row.with_body(state="FAILED"), cloud.now)
            return Outcome(error={"code": "INTERNAL_ERROR", "message": progress.error})
    cloud.store.put(row.with_body(state="RUNNABLE", **_usable(row)), cloud.now)
    _add_children(cloud, row)
    return Outcome()


def changed(cloud: Cloud, operation: Operation) -> Outcome:
    """The end of an update: started or stopped; a private address that was added is there."""
    row = cloud.store.get(SERVICE, operation.target)
    if row is None:
        return Outcome()
    if operation.data.get("running") is not None and "network" in row.hidden:
        progress = cloud.backing.sql_running(row.name, running=bool(operation.data["running"]))
        if not progress.done:
            return WAIT
    cloud.store.put(row.with_body(**_usable(row)), cloud.now)
    return Outcome()


def deleted(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(SERVICE, operation.target)
    if row is None:
        return Outcome()
    if operation.data.get("final"):
        take_final_backup(cloud, row, operation.data["final"])
    cloud.backing.sql_remove(row.name)
    for child in cloud.store.below(SERVICE, row.name):
        cloud.store.secrets.remove(child.name)
    cloud.store.secrets.remove(f"{row.name}/tls")
    cloud.store.delete(SERVICE, row.name)
    without_retained(cloud, row)
    if "network" in row.hidden:
        holds.hold(cloud, row.hidden["network"], row.name, holds.PRODUCER)
    return Outcome()


def create_failed(cloud: Cloud, operation: Operation) -> Outcome:
    """A create that was made to fail leaves the instance behind, FAILED (crossplane-contrib/provider-gcp#226)."""
    row = cloud.store.get(SERVICE, operation.target)
    if row is not None:
        cloud.store.put(row.with_body(state="FAILED"), cloud.now)
    return Outcome()


def change_failed(cloud: Cloud, operation: Operation) -> Outcome:
    """An update or delete that was made to fail leaves everything as it was."""
    row = cloud.store.get(SERVICE, operation.target)
    if row is not None and operation.data.get("before"):
        version = {"settingsVersion": row.body["settings"]["settingsVersion"]}
        before = operation.data["before"]
        cloud.store.put(row.with_body(**{**before, "settings": {**before["settings"], **version}}), cloud.now)
    return Outcome()


def _with_defaults(sent: Mapping[str, Any], project: str) -> dict[str, Any]:
    """What the API fills in (recorded answers, gcp.md 3.a; discovery document's defaults)."""
    settings = dict(sent.get("settings") or {})
    version, region = str(sent.get("databaseVersion") or "MYSQL_8_0"), str(sent.get("region") or "us-central1")
    defaults = {
        "kind": "sql#settings",
        "activationPolicy": "ALWAYS",
        "availabilityType": "ZONAL",
        "connectorEnforcement": "NOT_REQUIRED",
        "dataDiskSizeGb": "10",
        "dataDiskType": "PD_SSD",
        "deletionProtectionEnabled": False,
        "edition": sqladmin_shapes.edition(version, settings),
        "pricingPlan": "PER_USE",
        "replicationType": "SYNCHRONOUS",
        "settingsVersion": "1",
        "storageAutoResize": True,
        "storageAutoResizeLimit": "0",
    }
    address = {"ipv4Enabled": True, "sslMode": "ALLOW_UNENCRYPTED_AND_ENCRYPTED", "requireSsl": False}
    address |= {"serverCaMode": "GOOGLE_MANAGED_INTERNAL_CA"}
    sent_address = settings.get("ipConfiguration") or {}
    backup = {"kind": "sql#backupConfiguration", "enabled": False, "startTime": "03:00"}
    sent_backup = settings.get("backupConfiguration") or {}
    return {
        **sent,
        "kind": "sql#instance",
        "project": project,
        "region": region,
        "databaseVersion": version,
        "databaseInstalledVersion": version,
        "backendType": "SECOND_GEN",
        "instanceType": "CLOUD_SQL_INSTANCE",
        "gceZone": f"{region}-a",
        "connectionName": f"{project}:{region}:{sent['name']}",
        "selfLink": f"https://sqladmin.googleapis.com/sql/v1beta4/projects/{project}/instances/{sent['name']}",
        "settings": {
            **defaults,
            **settings,
            "edition": defaults["edition"],
            "ipConfiguration": {**address, **sent_address},
            "backupConfiguration": {**backup, **sent_backup},
        },
    }


def _check(body: Mapping[str, Any]) -> None:
    if problem := sqladmin_shapes.settings_problem(body["databaseVersion"], body["settings"]):
        raise bad_request(problem.rstrip("."))


def _check_policies(call: Call, body: Mapping[str, Any]) -> None:
    # https://cloud.google.com/sql/docs/postgres/connection-org-policy
    public = body["settings"]["ipConfiguration"].get("ipv4Enabled")
    if public and call.project.policies.get("sql.restrictPublicIp"):
        raise Refusal(
            412,
            "",
            "Organization Policy check failure: the external IP of this instance violates the "
            "constraints/sql.restrictPublicIp enforced.",
            reason="orgPolicyViolated",
        )


def _make_authority(call: Call, row: Row) -> None:
    made = sqladmin_authority.make_authority(row.body["connectionName"], str(uuid.uuid4()), call.now)
    call.store.secrets.put(f"{row.name}/tls", made.server_key.encode())
    call.save(
        INSTANCE,
        row.name,
        row.body,
        {**row.hidden, "authority": made.certificate, "certificate": made.server_certificate},
    )


def _spec(cloud: Cloud, row: Row) -> SqlSpec:
    key = cloud.store.secrets.get(f"{row.name}/tls")
    return SqlSpec(
        key=row.name,
        version=row.body["databaseVersion"],
        network=row.hidden["network"],
        address=row.hidden["address"],
        certificate=row.hidden["certificate"],
        private_key=key.decode() if key else "",
    )


def _usable(row: Row) -> dict[str, Any]:
    name = row.name.rsplit("/", 1)[-1]
    addresses = []
    if row.body["settings"]["ipConfiguration"].get("ipv4Enabled"):
        # A public instance shows PRIMARY, then OUTGOING, before PRIVATE (gcp.md 1.24): TEST-NET-3, nothing listens.
        addresses += [{"type": "PRIMARY", "ipAddress": "203.0.113.2"}, {"type": "OUTGOING", "ipAddress": "203.0.113.3"}]
    if "address" in row.hidden:
        addresses.append({"type": "PRIVATE", "ipAddress": row.hidden["address"]})
    return {"ipAddresses": addresses, "serverCaCert": sqladmin_authority.describe(row.hidden["authority"], name)}


def _add_children(cloud: Cloud, row: Row) -> None:
    project, name = row.name.split("/")[1], row.name.rsplit("/", 1)[-1]
    common = {"instance": name, "project": project}
    database = {"kind": "sql#database", "name": "postgres", "charset": "UTF8", "collation": "en_US.UTF8", **common}
    user = {"kind": "sql#user", "name": "postgres", "host": "", **common}
    cloud.store.put(Row(SERVICE, "Database", f"{row.name}/databases/postgres", database), cloud.now)
    cloud.store.put(Row(SERVICE, "User", f"{row.name}/users/postgres", user), cloud.now)


def _wanted(row: Row, filter_: str) -> bool:
    """The few filters that people send: `state:RUNNABLE`, `settings.userLabels.KEY:VALUE`, joined by spaces or AND."""
    for term in filter_.replace(" AND ", " ").split():
        path, _, value = term.partition(":")
        have: Any = row.body
        for part in path.split("."):
            have = have.get(part) if isinstance(have, Mapping) else None
        if str(have) != value.strip('"'):
            return False
    return True


def _writable(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in sent.items() if key not in (*_OUTPUT_ONLY, "name", "project", "rootPassword")}


def _change(call: Call, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    row = instance(call)
    refuse_when_busy(call, row.name)
    have, want = row.body["settings"], dict(wanted["settings"])
    sent_version = (call.body.get("settings") or {}).get("settingsVersion")
    if sent_version is not None and str(sent_version) != have["settingsVersion"]:
        # hashicorp/terraform-provider-google#25246
        raise Refusal(412, "", "Condition does not match.", reason="staleData")
    _check(wanted)
    _refuse_fixed(row.body, wanted)
    want["settingsVersion"] = str(int(have["settingsVersion"]) + 1)
    hidden = row.hidden
    if want["ipConfiguration"].get("privateNetwork") and "network" not in hidden:
        hidden = {**hidden, **sqladmin_address.allocate(call, call.params["instance"], wanted)}
    call.save(INSTANCE, row.name, {**wanted, "settings": want}, hidden)
    on, was_on = want.get("activationPolicy") != "NEVER", have.get("activationPolicy") != "NEVER"
    return begin(call, "UPDATE", row.name, "changed", {"running": on if on != was_on else None, "before": row.body})


def _refuse_fixed(have: Mapping[str, Any], want: Mapping[str, Any]) -> None:
    if want.get("region") != have["region"]:
        raise bad_request("The region of an instance cannot be changed")
    old, new = (body["settings"]["ipConfiguration"].get("privateNetwork") for body in (have, want))
    if (
        old and new != old
    ):  # discovery document: "This setting can be updated, but it cannot be removed after it is set."
        raise bad_request("The private network of an instance cannot be removed or changed")
    before, after = (int(body["settings"].get("dataDiskSizeGb") or 10) for body in (have, want))
    if after < before:  # https://cloud.google.com/sql/docs/postgres/instance-settings: storage only grows
        raise bad_request("Disk size can not be decreased")


def _final_backup(call: Call, row: Row) -> Mapping[str, Any] | None:
    """What the delete's parameters, else the instance's finalBackupConfig, ask for (discovery document)."""
    config = row.body["settings"].get("finalBackupConfig") or {}
    if not (call.flag("enableFinalBackup") or (config.get("enabled") and not call.text("enableFinalBackup"))):
        return None
    days, expiry = call.text("finalBackupTtlDays"), call.text("finalBackupExpiryTime")
    if days and expiry:
        raise bad_request("Only one of finalBackupTtlDays and finalBackupExpiryTime can be set")
    kept = int(days or config.get("retentionDays") or 30)
    if not 1 <= kept <= 365:  # Backup.ttlDays: "can't exceed 365 days"
        raise bad_request("The final backup's retention must be between 1 and 365 days")
    return {"days": kept, "expiry": expiry, "description": call.text("finalBackupDescription")}
