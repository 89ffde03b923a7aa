"""IAM policies of any resource: read, written under an etag, effective after a delay.

The answers and the delay follow https://cloud.google.com/iam/docs/policies (etag, read-modify-write) and
https://cloud.google.com/iam/docs/access-change-propagation (typically 2 minutes, up to 7 and more).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

from memdeploy.rehearsal.call import Call, Cloud
from memdeploy.rehearsal.refusal import aborted, invalid

PROPAGATION = 90.0
"Cloud seconds until a new binding counts. A removal counts at once here, which is the stricter half."

MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers|(deleted:)?(user|serviceAccount|group|domain|projectOwner|projectEditor|"
    r"projectViewer):.+|principal(Set)?://.+"
)
ACCOUNT = re.compile(r"serviceAccount:(?P<email>[^@]+@(?P<project>[^.@]+)\.iam\.gserviceaccount\.com)")
# By the project's number, not its id. https://cloud.google.com/compute/docs/access/service-accounts
DEFAULT_ACCOUNT = re.compile(r"serviceAccount:(?P<email>(?P<number>[^@]+)-compute@developer\.gserviceaccount\.com)")
NO_POLICY_ETAG = "ACAB"


def get_policy(call: Call, resource: str, service: str = "") -> dict[str, Any]:
    """The answer to getIamPolicy. The caller has checked that the resource exists."""
    record = call.store.policy(service or call.method.service, resource)
    return record["policy"] if record else {"etag": NO_POLICY_ETAG}


def set_policy(call: Call, resource: str, service: str = "") -> dict[str, Any]:
    """The answer to setIamPolicy. The caller has checked that the resource exists."""
    service = service or call.method.service
    wanted = call.body.get("policy") or {}
    record = call.store.policy(service, resource)
    have = record["policy"]["etag"] if record else NO_POLICY_ETAG
    if wanted.get("etag") and wanted["etag"] != have:
        # https://cloud.google.com/iam/docs/retry-strategy
        raise aborted(
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."
            " The request's ETag did not match the current policy's ETag."
        )
    bindings = _merged(wanted.get("bindings") or [])
    for role, member in _pairs(bindings):
        _check_role(role)
        _check_member(call.cloud, member)
    return _store(call, service, resource, bindings, record)


def held_permissions(call: Call, resource: str, service: str = "") -> dict[str, Any]:
    """The answer to testIamPermissions: the subset that the caller holds; no key at all when it holds none."""
    from memdeploy.rehearsal.access import Target, allows

    where = Target(service or call.method.service, resource)
    held = [p for p in call.body.get("permissions") or [] if allows(call.cloud, call.caller, p, call.project, where)]
    return {"permissions": held} if held else {}


def bound(cloud: Cloud, service: str, resource: str) -> Iterable[tuple[str, str]]:
    """(role, member) pairs that count by now."""
    record = cloud.store.policy(service, resource)
    if not record:
        return []
    since: Mapping[str, float] = record["since"]
    return [
        (role, member)
        for role, member in _pairs(record["policy"].get("bindings", []))
        if cloud.after(PROPAGATION, since=since.get(f"{role} {member}"))
    ]


def forget_account(cloud: Cloud, email: str, unique_id: str) -> None:
    """A deleted account's bindings stay, under a name that no new account of that email matches.
    https://cloud.google.com/iam/docs/service-accounts-delete-undelete"""
    old, new = f"serviceAccount:{email}", f"deleted:serviceAccount:{email}?uid={unique_id}"
    for service, resource, record in cloud.store.policies():
        bindings = record["policy"].get("bindings", [])
        if not any(old in b.get("members", []) for b in bindings):
            continue
        for binding in bindings:
            binding["members"] = [new if m == old else m for m in binding.get("members", [])]
        cloud.store.put_policy(service, resource, _next(record, bindings, record["since"]))


def _store(
    call: Call, service: str, resource: str, bindings: list[dict[str, Any]], record: dict[str, Any] | None
) -> dict[str, Any]:
    known = record["since"] if record else {}
    since = {key: known.get(key, call.now) for key in (f"{r} {m}" for r, m in _pairs(bindings))}
    new = _next(record, bindings, since)
    call.store.put_policy(service, resource, new)
    policy: dict[str, Any] = new["policy"]
    return policy


def _next(record: dict[str, Any] | None, bindings: list[dict[str, Any]], since: Mapping[str, float]) -> dict[str, Any]:
    generation = (record["generation"] if record else 0) + 1
    etag = base64.b64encode(b"\x07" + generation.to_bytes(7, "big")).decode()
    policy: dict[str, Any] = {"version": 1, "etag": etag}
    if bindings:
        policy["bindings"] = bindings
    return {"policy": policy, "generation": generation, "since": dict(since)}


def _merged(bindings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One binding a role (and condition), members once each, in the order given: as the API answers."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for binding in bindings:
        key = (binding.get("role", ""), repr(binding.get("condition")))
        kept = merged.setdefault(key, {**binding, "members": []})
        kept["members"] += [m for m in binding.get("members", []) if m not in kept["members"]]
    return [b for b in merged.values() if b["members"]]


def _pairs(bindings: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [(b.get("role", ""), m) for b in bindings for m in b.get("members", [])]


def _check_role(role: str) -> None:
    if not re.fullmatch(r"roles/[A-Za-z0-9_.]+|(projects|organizations)/[^/]+/roles/[A-Za-z0-9_.]+", role):
        raise invalid(f"Role {role} is not supported for this resource.")


def _check_member(cloud: Cloud, member: str) -> None:
    if not MEMBER.fullmatch(member):
        raise invalid(
            f"The member {member} is of an unknown type. Please set a valid type prefix for the member.",
        )
    default = DEFAULT_ACCOUNT.fullmatch(member)
    if default and not _is_number(cloud, default["number"]):
        raise invalid(f"Service account {default['email']} does not exist.")
    account = ACCOUNT.fullmatch(member)
    if account and cloud.project(account["project"]) and not _account_known(cloud, account["email"]):
        # https://cloud.google.com/iam/docs/service-accounts-create: a new account may need 60 seconds and more
        raise invalid(f"Service account {account['email']} does not exist.")


def _is_number(cloud: Cloud, text: str) -> bool:
    project = cloud.project(text) if text.isdigit() else None
    return project is not None and project.number == text


def _account_known(cloud: Cloud, email: str) -> bool:
    project = email.partition("@")[2].partition(".")[0]
    row = cloud.store.get("iam", f"projects/{project}/serviceAccounts/{email}")
    return row is not None and not row.hidden.get("deleted") and cloud.now >= row.hidden.get("known_from", 0.0)
