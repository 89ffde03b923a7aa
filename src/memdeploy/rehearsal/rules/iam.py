"""IAM v1: service accounts. https://cloud.google.com/iam/docs/service-accounts-create

A deleted account stays for 30 days under its unique id; a new one of that email is another identity.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from memdeploy.rehearsal import policies
from memdeploy.rehearsal.call import Call, Handler
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import aborted, exists, failed_precondition, invalid, not_found
from memdeploy.rehearsal.rules import iam_keys
from memdeploy.rehearsal.store import Row

SERVICE = "iam"
ACCOUNT_ID = re.compile(r"[a-z](?:[-a-z0-9]{4,28}[a-z0-9])")
VISIBLE = 20.0
"Cloud seconds until policies and machines know a new account (docs: 60 seconds and more can pass)."
CHANGEABLE = ("displayName", "description")


def create(call: Call) -> Mapping[str, Any]:
    id_ = call.body.get("accountId", "")
    if not ACCOUNT_ID.fullmatch(id_):
        raise invalid(
            f"The account ID '{id_}' does not have a valid format. It must be 6-30 characters of lowercase letters,"
            " digits and dashes, starting with a letter."
        )
    email = f"{id_}@{call.project.id}.iam.gserviceaccount.com"
    name = f"projects/{call.project.id}/serviceAccounts/{email}"
    old = call.find(name)
    if old is not None:
        raise exists(f"Service account {id_} already exists within project projects/{call.project.id}.")
    wanted = call.body.get("serviceAccount") or {}
    unique = str(100_000_000_000_000_000_000 + call.store.next("iam/account") * 104_729)
    body = {
        **{key: wanted[key] for key in CHANGEABLE if wanted.get(key)},
        "name": name,
        "projectId": call.project.id,
        "uniqueId": unique,
        "email": email,
        "oauth2ClientId": unique,
    }
    known_from = call.now + VISIBLE * call.cloud.scale
    return _shown(call.save("ServiceAccount", name, body, {"known_from": known_from}))


def get(call: Call) -> Mapping[str, Any]:
    return _shown(_account(call))


def list_(call: Call) -> Mapping[str, Any]:
    rows = call.store.children(SERVICE, call.name, "ServiceAccount")
    return page(call, "accounts", [_shown(row) for row in rows])


def patch(call: Call) -> Mapping[str, Any]:
    row = _account(call)
    wanted = call.body.get("serviceAccount") or {}
    mask = [path.strip() for path in str(call.body.get("updateMask", "")).split(",") if path.strip()]
    if not mask:
        raise invalid("The update mask is required.")
    if wanted.get("etag") and wanted["etag"] != _etag(row):
        raise aborted("There were concurrent changes to the service account.")
    changes = {"displayName" if p == "display_name" else p: wanted.get("displayName" if p == "display_name" else p, "")
               for p in mask}  # fmt: skip
    unknown = sorted(set(changes) - set(CHANGEABLE))
    if unknown:
        raise invalid(f"Invalid update mask path: {unknown[0]}")
    return _shown(call.save("ServiceAccount", row.name, {**row.body, **changes}, row.hidden))


def delete(call: Call) -> Mapping[str, Any]:
    row = _account(call)
    unique = row.body["uniqueId"]
    policies.forget_account(call.cloud, row.body["email"], unique)
    call.store.delete(SERVICE, row.name)
    call.save("DeletedServiceAccount", f"{_collection(row)}/{unique}", row.body, {**row.hidden, "deleted": True})
    return {}


def undelete(call: Call) -> Mapping[str, Any]:
    """By unique id only. https://cloud.google.com/iam/docs/service-accounts-delete-undelete"""
    unique = call.name.rsplit("/", 1)[-1]
    gone = next(
        (r for r in call.store.below(SERVICE, "", "DeletedServiceAccount") if r.body["uniqueId"] == unique), None
    )
    if gone is None:
        raise not_found(f"Unknown service account {unique}")
    if call.find(gone.body["name"]):
        raise failed_precondition(f"A service account {gone.body['email']} exists already.")
    call.store.delete(SERVICE, gone.name)
    row = call.save("ServiceAccount", gone.body["name"], gone.body, {"known_from": call.now})
    return {"restoredAccount": _shown(row)}


def switch(disabled: bool) -> Callable[[Call], Mapping[str, Any]]:
    def handler(call: Call) -> Mapping[str, Any]:
        row = _account(call)
        call.save("ServiceAccount", row.name, {**row.body, "disabled": disabled or None}, row.hidden)
        return {}

    return handler


def get_policy(call: Call) -> Mapping[str, Any]:
    return policies.get_policy(call, _account(call).name)


def set_policy(call: Call) -> Mapping[str, Any]:
    return policies.set_policy(call, _account(call).name)


def held_permissions(call: Call) -> Mapping[str, Any]:
    return policies.held_permissions(call, _account(call).name)


def _account(call: Call) -> Row:
    return account(call, call.name.rsplit("/", 1)[-1])


def account(call: Call, key: str) -> Row:
    """By email or unique id, with the project or `-`."""
    if key.isdigit():
        rows = call.store.below(SERVICE, "", "ServiceAccount")
        row = next((r for r in rows if r.body["uniqueId"] == key), None)
    else:
        project = key.partition("@")[2].partition(".")[0]
        row = call.find(f"projects/{project}/serviceAccounts/{key}")
    if row is None:
        raise not_found(f"Unknown service account {key}")
    return row


def _collection(row: Row) -> str:
    return row.name.rsplit("/", 1)[0]


def _shown(row: Row) -> dict[str, Any]:
    return {**{k: v for k, v in row.body.items() if v is not None}, "etag": _etag(row)}


def _etag(row: Row) -> str:
    """Bytes in this API, so base64 on the wire."""
    return base64.b64encode(row.etag.strip('"').encode()).decode()


RULES: Mapping[str, Handler] = {
    **iam_keys.rules(account),
    "iam.projects.serviceAccounts.create": create,
    "iam.projects.serviceAccounts.get": get,
    "iam.projects.serviceAccounts.list": list_,
    "iam.projects.serviceAccounts.patch": patch,
    "iam.projects.serviceAccounts.delete": delete,
    "iam.projects.serviceAccounts.undelete": undelete,
    "iam.projects.serviceAccounts.enable": switch(disabled=False),
    "iam.projects.serviceAccounts.disable": switch(disabled=True),
    "iam.projects.serviceAccounts.getIamPolicy": get_policy,
    "iam.projects.serviceAccounts.setIamPolicy": set_policy,
    "iam.projects.serviceAccounts.testIamPermissions": held_permissions,
}
