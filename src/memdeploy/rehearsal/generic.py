"""What a method does by its published shape alone, where that is faithful: create, get, list, patch, delete, policies
and operations. Anything else without a rule is refused openly, never answered with an invention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import operations, policies
from memdeploy.rehearsal.call import Call, Handler, stamp
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import Refusal, exists, invalid, not_found
from memdeploy.rehearsal.store import Row

LONG_RUNNING = frozenset({"Operation", "GoogleLongrunningOperation"})


def answer(call: Call) -> Mapping[str, Any]:
    leaf = call.method.leaf
    if "perations." in call.method.id and leaf in ("get", "wait"):
        return get_operation(call)
    handler = HANDLERS.get(leaf)
    if handler is None:
        raise Refusal(501, "UNIMPLEMENTED", f"The rehearsal has no rule for {call.method.id} ({call.method.version}).")
    return handler(call)


def get_operation(call: Call) -> Mapping[str, Any]:
    name = call.name.removesuffix("/wait")
    found = operations.find(call.cloud, call.method.service, name)
    if found is None:
        raise not_found(f"The resource '{name}' was not found")
    return operations.view(call.cloud, found)


def create(call: Call) -> Mapping[str, Any]:
    name = f"{call.name}/{_new_id(call)}"
    if call.find(name):
        raise exists(f"Resource '{name}' already exists.")
    row = call.save(_type(call), name, {**call.body, "name": name, "createTime": stamp(call.now)})
    return _result(call, row, "create")


def get(call: Call) -> Mapping[str, Any]:
    return _existing(call).body


def list_(call: Call) -> Mapping[str, Any]:
    key = call.name.rsplit("/", 1)[-1]
    return page(call, key, [row.body for row in call.store.children(call.method.service, call.name)])


def patch(call: Call) -> Mapping[str, Any]:
    row, mask = _existing(call), call.mask()
    changes = {key: value for key, value in call.body.items() if not mask or key in mask}
    return _result(call, call.save(row.type, row.name, {**row.body, **changes}, row.hidden), "update")


def delete(call: Call) -> Mapping[str, Any]:
    row = _existing(call)
    call.store.delete(row.service, row.name)
    return _result(call, None, "delete")


def get_policy(call: Call) -> Mapping[str, Any]:
    return policies.get_policy(call, _existing(call).name)


def set_policy(call: Call) -> Mapping[str, Any]:
    return policies.set_policy(call, _existing(call).name)


def held_permissions(call: Call) -> Mapping[str, Any]:
    return policies.held_permissions(call, call.name)


def _existing(call: Call) -> Row:
    row = call.find(call.name)
    if row is None:
        raise not_found(f"Resource '{call.name}' was not found")
    return row


def _new_id(call: Call) -> str:
    """The query parameter that names the new resource (`repositoryId`), else the body's short name."""
    for key in call.method.query:
        if key.endswith("Id") and call.text(key):
            return call.text(key)
    name = call.body.get("name")
    if isinstance(name, str) and name and "/" not in name:
        return name
    raise invalid("The new resource's id is required.", reason="required")


def _type(call: Call) -> str:
    return call.method.request or call.name.rsplit("/", 1)[-1]


def _result(call: Call, row: Row | None, kind: str) -> Mapping[str, Any]:
    if call.method.response not in LONG_RUNNING:
        return row.body if row else {}
    place = call.name.split("/")[:4] if "/locations/" in call.name else []
    name = "/".join([*place, "operations", operations.fresh_name(call)])
    response = dict(row.body) if row else None
    return operations.start(call, "lro", name, kind=kind, target=row.name if row else call.name, response=response)


HANDLERS: Mapping[str, Handler] = {
    "create": create,
    "get": get,
    "list": list_,
    "patch": patch,
    "update": patch,
    "delete": delete,
    "getIamPolicy": get_policy,
    "setIamPolicy": set_policy,
    "testIamPermissions": held_permissions,
}
