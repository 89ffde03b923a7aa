"""Cloud SQL instances: insert, get, list, patch, update, delete, server authorities. v1 and v1beta4 over one state."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.backing.protocol import SqlSpec
from memdeploy.rehearsal.call import Call, Cloud, stamp
from memdeploy.rehearsal.operations import WAIT, Operation, Outcome
from memdeploy.rehearsal.refusal import Refusal, invalid
from memdeploy.rehearsal.rules import (
    holds,
    labels,
    sqladmin_address,
    sqladmin_authority,
    sqladmin_body,
    sqladmin_shapes,
)
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


def insert(call: Call) -> Mapping[str, Any]:
    sent = {key: value for key, value in call.body.items() if key not in sqladmin_body.OUTPUT_ONLY}
    name, project = str(sent.get("name") or ""), call.project.id
    target = f"projects/{project}/instances/{name}"
    if problem := sqladmin_shapes.name_problem(project, name):
        raise bad_request(problem)
    if call.find(target):
        raise Refusal(409, "", "The Cloud SQL instance already exists.", reason="instanceAlreadyExists")
    password = sent.pop("rootPassword", None)
    body = sqladmin_body.with_defaults(sent, project)
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
    return listing("sql#instancesList", [row for row in rows if sqladmin_body.wanted(row, call.text("filter"))])


def patch(call: Call) -> Mapping[str, Any]:
    return _change(call, merged(instance(call).body, sqladmin_body.writable(call.body)))


def update(call: Call) -> Mapping[str, Any]:
    """A PUT replaces the settings; settingsVersion is required then (discovery document, Settings.settingsVersion)."""
    if not (call.body.get("settings") or {}).get("settingsVersion"):
        raise bad_request("Missing parameter: settingsVersion")
    row, sent = instance(call), sqladmin_body.writable(call.body)
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
    final = sqladmin_body.final_backup(call, row)
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
    cloud.store.put(row.with_body(state="RUNNABLE", **sqladmin_body.usable(row)), cloud.now)
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
    cloud.store.put(row.with_body(**sqladmin_body.usable(row)), cloud.now)
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


def _check(body: Mapping[str, Any]) -> None:
    if problem := sqladmin_shapes.settings_problem(body["databaseVersion"], body["settings"]):
        raise bad_request(problem.rstrip("."))
    if problem := labels.problem(body["settings"].get("userLabels")):
        raise bad_request(problem)


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


def _add_children(cloud: Cloud, row: Row) -> None:
    project, name = row.name.split("/")[1], row.name.rsplit("/", 1)[-1]
    common = {"instance": name, "project": project}
    database = {"kind": "sql#database", "name": "postgres", "charset": "UTF8", "collation": "en_US.UTF8", **common}
    user = {"kind": "sql#user", "name": "postgres", "host": "", **common}
    cloud.store.put(Row(SERVICE, "Database", f"{row.name}/databases/postgres", database), cloud.now)
    cloud.store.put(Row(SERVICE, "User", f"{row.name}/users/postgres", user), cloud.now)


def _change(call: Call, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    row = instance(call)
    refuse_when_busy(call, row.name)
    have, want = row.body["settings"], dict(wanted["settings"])
    sent_version = (call.body.get("settings") or {}).get("settingsVersion")
    if sent_version is not None and str(sent_version) != have["settingsVersion"]:
        # hashicorp/terraform-provider-google#25246
        raise Refusal(412, "", "Condition does not match.", reason="staleData")
    _check(wanted)
    sqladmin_body.refuse_fixed(row.body, wanted)
    want["settingsVersion"] = str(int(have["settingsVersion"]) + 1)
    hidden = row.hidden
    if want["ipConfiguration"].get("privateNetwork") and "network" not in hidden:
        hidden = {**hidden, **sqladmin_address.allocate(call, call.params["instance"], wanted)}
    call.save(INSTANCE, row.name, {**wanted, "settings": want}, hidden)
    on, was_on = want.get("activationPolicy") != "NEVER", have.get("activationPolicy") != "NEVER"
    return begin(call, "UPDATE", row.name, "changed", {"running": on if on != was_on else None, "before": row.body})
