"""Firewall rules. https://cloud.google.com/vpc/docs/using-firewalls"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import Call, Handler
from memdeploy.rehearsal.refusal import invalid
from memdeploy.rehearsal.rules import compute_base as base
from memdeploy.rehearsal.store import Row

FIXED = ("network", "direction", "name")


def insert(call: Call) -> Mapping[str, Any]:
    name = base.check_new(call, "firewalls")
    network = base.needed(call, call.body.get("network", ""), "network")
    _check(call.body)
    body = {
        "direction": "INGRESS",
        "priority": 1000,
        "disabled": False,
        "logConfig": {"enable": False},
        **call.body,
        "network": base.link(network.name),
    }
    if body["direction"] == "INGRESS" and not any(body.get(k) for k in ("sourceRanges", "sourceTags")):
        body["sourceRanges"] = body.get("sourceRanges") or ["0.0.0.0/0"]
    return base.insert(call, "Firewall", name, body, uses=[network.name])


def _check(body: Mapping[str, Any]) -> None:
    if bool(body.get("allowed")) == bool(body.get("denied")):
        raise invalid("Invalid value for field 'resource': exactly one of allowed or denied must be specified.")
    if body.get("targetTags") and body.get("targetServiceAccounts"):
        raise invalid("Invalid value for field 'resource.targetServiceAccounts': cannot be used with targetTags.")


def get(call: Call) -> Mapping[str, Any]:
    return _row(call).body


def list_(call: Call) -> Mapping[str, Any]:
    return base.listed(call, "firewalls", "Firewall", show)


def show(call: Call, row: Row) -> Mapping[str, Any]:
    return row.body


def patch(call: Call) -> Mapping[str, Any]:
    row = _row(call)
    changes = {key: value for key, value in call.body.items() if key not in FIXED}
    changed = row.with_body(**changes)
    _check(changed.body)
    call.store.put(changed, call.now)
    return base.begin(call, "patch", row.name)


def delete(call: Call) -> Mapping[str, Any]:
    return base.delete(call, _row(call).name)


def _row(call: Call) -> Row:
    return base.existing(call, base.target(call, "firewalls", "firewall"))


RULES: Mapping[str, Handler] = {
    "compute.firewalls.insert": base.idempotent(insert),
    "compute.firewalls.get": get,
    "compute.firewalls.list": list_,
    "compute.firewalls.patch": base.idempotent(patch),
    "compute.firewalls.update": base.idempotent(patch),
    "compute.firewalls.delete": base.idempotent(delete),
}
