"""Secret Manager v1.

Names in answers carry the project's number, whoever asked by id (recorded traffic of k8s-config-connector); a version
by number is strongly consistent, the rest eventually (https://cloud.google.com/secret-manager/docs/reference/consistency).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import google_crc32c

from memdeploy.rehearsal import policies
from memdeploy.rehearsal.access import Target, allows
from memdeploy.rehearsal.call import Call, Handler, stamp
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import aborted, denied, exists, failed_precondition, invalid, not_found
from memdeploy.rehearsal.rules import labels
from memdeploy.rehearsal.store import Row

SERVICE = "secretmanager"
# https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create
SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
# https://cloud.google.com/secret-manager/quotas
MAX_PAYLOAD = 65536
IMMUTABLE = ("replication",)
CHANGEABLE = ("labels", "annotations", "versionAliases", "versionDestroyTtl", "expireTime", "ttl", "rotation", "topics")


def create_secret(call: Call) -> Mapping[str, Any]:
    id_ = call.text("secretId")
    if not SECRET_ID.fullmatch(id_):
        raise invalid(f"The provided Secret ID [{id_}] does not match the expected format [[a-zA-Z_0-9-]+]")
    name = f"{call.name}/{id_}"
    if call.find(name):
        raise exists(f"Secret [{_public(call, name)}] already exists.")
    if not call.body.get("replication"):
        raise invalid("Invalid value at 'secret.replication': a replication policy is required.")
    labels.check(call.body.get("labels"))
    body = {**_settable(call.body), "name": _public(call, name), "createTime": stamp(call.now)}
    return _shown(call.save("Secret", name, body))


def get_secret(call: Call) -> Mapping[str, Any]:
    return _shown(_secret(call, call.name))


def list_secrets(call: Call) -> Mapping[str, Any]:
    rows = call.store.children(SERVICE, call.name)
    return page(call, "secrets", [_shown(row) for row in rows if _matches(row, call.text("filter"))])


def patch_secret(call: Call) -> Mapping[str, Any]:
    row = _secret(call, call.name)
    mask = call.mask()
    if not mask:
        raise invalid("Update mask is required.")
    if any(path.split(".")[0] in IMMUTABLE for path in mask):
        raise invalid("The replication policy cannot be changed after the Secret has been created.")
    _check_etag(row, call.body.get("etag"))
    labels.check(call.body.get("labels"))
    body = dict(row.body)
    for path in mask:
        if path not in CHANGEABLE and path != "etag":
            raise invalid(f"Invalid field mask path: {path}")
        if call.body.get(path):
            body[path] = call.body[path]
        else:
            body.pop(path, None)
    return _shown(call.save("Secret", row.name, body, row.hidden))


def delete_secret(call: Call) -> Mapping[str, Any]:
    row = _secret(call, call.name)
    _check_etag(row, call.text("etag"))
    for version in call.store.below(SERVICE, row.name):
        call.store.secrets.remove(version.name)
    call.store.delete(SERVICE, row.name)
    return {}


def add_version(call: Call) -> Mapping[str, Any]:
    secret = _secret(call, call.name)
    data = _payload(call.body.get("payload") or {})
    number = int(secret.hidden.get("versions", 0)) + 1
    call.store.put(secret.with_hidden(versions=number), call.now)
    name = f"{secret.name}/versions/{number}"
    call.store.secrets.put(name, data)
    body: dict[str, Any] = {
        "name": _public(call, name),
        "createTime": stamp(call.now),
        "state": "ENABLED",
        "replicationStatus": {"automatic": {}},
    }
    if (call.body.get("payload") or {}).get("dataCrc32c") is not None:
        body["clientSpecifiedPayloadChecksum"] = True
    return _shown(call.save("SecretVersion", name, body))


def get_version(call: Call) -> Mapping[str, Any]:
    return _shown(_version(call))


def list_versions(call: Call) -> Mapping[str, Any]:
    _secret(call, call.name.removesuffix("/versions"))
    rows = sorted(call.store.children(SERVICE, call.name), key=_number, reverse=True)  # newest first
    return page(call, "versions", [_shown(row) for row in rows if _matches(row, call.text("filter"))])


def access_version(call: Call) -> Mapping[str, Any]:
    secret = _parent(call.name)
    if not allows(call.cloud, call.caller, "secretmanager.versions.access", call.project, Target(SERVICE, secret)):
        raise denied(
            f"Permission 'secretmanager.versions.access' denied for resource '{_public(call, call.name)}'"
            " (or it may not exist)."
        )
    row = _version(call)
    if row.body["state"] != "ENABLED":
        raise failed_precondition(f"Secret Version [{row.body['name']}] is in {row.body['state']} state.")
    data = call.store.secrets.get(row.name) or b""
    payload = {"data": base64.b64encode(data).decode(), "dataCrc32c": str(google_crc32c.value(data))}
    return {"name": row.body["name"], "payload": payload}


def set_state(call: Call) -> Mapping[str, Any]:
    """enable, disable, destroy. https://cloud.google.com/secret-manager/docs/disable-secret-version"""
    row = _version(call)
    wanted = {"enable": "ENABLED", "disable": "DISABLED", "destroy": "DESTROYED"}[call.method.leaf]
    _check_etag(row, call.body.get("etag"))
    if row.body["state"] == "DESTROYED":
        if wanted == "DESTROYED":
            return _shown(row)
        raise failed_precondition(f"Secret Version [{row.body['name']}] is in DESTROYED state.")
    body = {**row.body, "state": wanted}
    if wanted == "DESTROYED":
        body["destroyTime"] = stamp(call.now)
        call.store.secrets.remove(row.name)
    return _shown(call.save("SecretVersion", row.name, body))


def get_iam(call: Call) -> Mapping[str, Any]:
    return policies.get_policy(call, _secret(call, call.name).name)


def set_iam(call: Call) -> Mapping[str, Any]:
    return policies.set_policy(call, _secret(call, call.name).name)


def test_iam(call: Call) -> Mapping[str, Any]:
    return policies.held_permissions(call, _secret(call, call.name).name)


def _payload(payload: Mapping[str, Any]) -> bytes:
    try:
        data = base64.b64decode(payload.get("data", ""), altchars=b"-_" if "-" in str(payload) else None, validate=True)
    except (ValueError, binascii.Error):
        raise invalid("Invalid value at 'payload.data' (TYPE_BYTES), Base64 decoding failed") from None
    if not data or len(data) > MAX_PAYLOAD:
        raise invalid(f"The payload must have between 1 and {MAX_PAYLOAD} bytes.")
    sent = payload.get("dataCrc32c")
    if sent is not None and int(sent) != google_crc32c.value(data):
        # https://cloud.google.com/secret-manager/docs/data-integrity
        raise invalid("The provided payload.data_crc32c does not match the checksum of payload.data.")
    return data


def _secret(call: Call, name: str) -> Row:
    row = call.find(name)
    if row is None:
        raise not_found(f"Secret [{_public(call, name)}] not found.")
    return row


def _version(call: Call) -> Row:
    secret = _secret(call, _parent(call.name))
    wanted = call.name.rsplit("/", 1)[-1]
    if wanted == "latest":  # the newest one, disabled or not
        wanted = str(secret.hidden.get("versions", 0))
    wanted = str((secret.body.get("versionAliases") or {}).get(wanted, wanted))
    row = call.find(f"{secret.name}/versions/{wanted}")
    if row is None:
        raise not_found(f"Secret Version [{_public(call, f'{secret.name}/versions/{wanted}')}] not found.")
    return row


def _parent(version: str) -> str:
    return version.rsplit("/versions/", 1)[0]


def _number(row: Row) -> int:
    return int(row.name.rsplit("/", 1)[-1])


def _public(call: Call, name: str) -> str:
    """The name as answers show it: with the project's number."""
    return f"projects/{call.project.number}/{name.split('/', 2)[2]}"


def _settable(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in (*IMMUTABLE, *CHANGEABLE) if body.get(key)}


def _shown(row: Row) -> dict[str, Any]:
    return {**row.body, "etag": row.etag}


def _check_etag(row: Row, sent: str | None) -> None:
    if sent and sent != row.etag:
        raise aborted(f"The provided etag {sent} does not match the current etag {row.etag}.")


def _matches(row: Row, wanted: str) -> bool:
    """`labels.k=v`, `name:part`, `state:ENABLED`, joined by AND.
    https://cloud.google.com/secret-manager/docs/filtering"""
    return all(_term(row, term.strip()) for term in re.split(r"\s+AND\s+", wanted) if term.strip())


def _term(row: Row, term: str) -> bool:
    field, operator, value = re.split(r"([=:])", term, maxsplit=1) if re.search("[=:]", term) else ("name", ":", term)
    value = value.strip().strip('"')
    have: Any = row.body
    for part in field.strip().split("."):
        have = have.get(part) if isinstance(have, Mapping) else None
    if have is None:
        return False
    return str(have) == value if operator == "=" else value in str(have)


RULES: Mapping[str, Handler] = {
    "secretmanager.projects.secrets.create": create_secret,
    "secretmanager.projects.secrets.get": get_secret,
    "secretmanager.projects.secrets.list": list_secrets,
    "secretmanager.projects.secrets.patch": patch_secret,
    "secretmanager.projects.secrets.delete": delete_secret,
    "secretmanager.projects.secrets.addVersion": add_version,
    "secretmanager.projects.secrets.getIamPolicy": get_iam,
    "secretmanager.projects.secrets.setIamPolicy": set_iam,
    "secretmanager.projects.secrets.testIamPermissions": test_iam,
    "secretmanager.projects.secrets.versions.get": get_version,
    "secretmanager.projects.secrets.versions.list": list_versions,
    "secretmanager.projects.secrets.versions.access": access_version,
    "secretmanager.projects.secrets.versions.enable": set_state,
    "secretmanager.projects.secrets.versions.disable": set_state,
    "secretmanager.projects.secrets.versions.destroy": set_state,
}
