"""Bodies of Cloud SQL instances: what the API fills in, shows once usable, lets change, and keeps at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import Call
from memdeploy.rehearsal.rules import sqladmin_authority, sqladmin_shapes
from memdeploy.rehearsal.rules.sqladmin_base import bad_request
from memdeploy.rehearsal.store import Row

OUTPUT_ONLY = ("state", "ipAddresses", "serverCaCert", "createTime", "connectionName", "selfLink", "kind", "etag")


def with_defaults(sent: Mapping[str, Any], project: str) -> dict[str, Any]:
    """What the API fills in (traffic recorded by k8s-config-connector; discovery document's defaults)."""
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


def usable(row: Row) -> dict[str, Any]:
    name = row.name.rsplit("/", 1)[-1]
    addresses = []
    if row.body["settings"]["ipConfiguration"].get("ipv4Enabled"):
        # A public instance shows PRIMARY, OUTGOING, then PRIVATE (recorded likewise). TEST-NET-3: nobody listens.
        addresses += [{"type": "PRIMARY", "ipAddress": "203.0.113.2"}, {"type": "OUTGOING", "ipAddress": "203.0.113.3"}]
    if "address" in row.hidden:
        addresses.append({"type": "PRIVATE", "ipAddress": row.hidden["address"]})
    return {"ipAddresses": addresses, "serverCaCert": sqladmin_authority.describe(row.hidden["authority"], name)}


def wanted(row: Row, filter_: str) -> bool:
    """The few filters that people send: `state:RUNNABLE`, `settings.userLabels.KEY:VALUE`, joined by spaces or AND."""
    for term in filter_.replace(" AND ", " ").split():
        path, _, value = term.partition(":")
        have: Any = row.body
        for part in path.split("."):
            have = have.get(part) if isinstance(have, Mapping) else None
        if str(have) != value.strip('"'):
            return False
    return True


def writable(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in sent.items() if key not in (*OUTPUT_ONLY, "name", "project", "rootPassword")}


def refuse_fixed(have: Mapping[str, Any], want: Mapping[str, Any]) -> None:
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


def final_backup(call: Call, row: Row) -> Mapping[str, Any] | None:
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
