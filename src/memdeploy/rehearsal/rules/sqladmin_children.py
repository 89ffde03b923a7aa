"""Databases and users of a Cloud SQL instance. Passwords go to the store of secrets and into no answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.backing.protocol import Progress
from memdeploy.rehearsal.call import Call, Cloud
from memdeploy.rehearsal.operations import WAIT, Operation, Outcome
from memdeploy.rehearsal.refusal import not_found
from memdeploy.rehearsal.rules.sqladmin_base import (
    SERVICE,
    bad_request,
    begin,
    listing,
    refuse_when_busy,
    running_instance,
)
from memdeploy.rehearsal.store import Row

_SYSTEM_DATABASES = ("postgres", "template0", "template1", "cloudsqladmin")


def insert_database(call: Call) -> Mapping[str, Any]:
    parent, name = running_instance(call), str(call.body.get("name") or "")
    if not name or len(name.encode()) > 63:
        raise bad_request(f"Invalid database name ({name})")
    refuse_when_busy(call, parent.name)
    target = f"{parent.name}/databases/{name}"
    if call.find(target) or name in _SYSTEM_DATABASES:
        # PostgreSQL's own words, as a 400 (E: no public record).
        raise bad_request(f'failed to create database {name}. Detail: pq: database "{name}" already exists')
    common = {"kind": "sql#database", "instance": call.params["instance"], "project": call.project.id}
    body = {"charset": "UTF8", "collation": "en_US.UTF8", **call.body, **common}
    return begin(call, "CREATE_DATABASE", parent.name, "database", {"name": name, "body": body})


def get_database(call: Call) -> Mapping[str, Any]:
    parent = running_instance(call)
    row = call.find(f"{parent.name}/databases/{call.params['database']}")
    if row is None:
        raise not_found("Not Found")
    return row.body


def list_databases(call: Call) -> Mapping[str, Any]:
    parent = running_instance(call)
    return listing("sql#databasesList", call.store.below(SERVICE, f"{parent.name}/databases"))


def update_database(call: Call) -> Mapping[str, Any]:
    body = {**get_database(call), **{k: v for k, v in call.body.items() if k in ("charset", "collation")}}
    parent = running_instance(call)
    refuse_when_busy(call, parent.name)
    return begin(call, "UPDATE_DATABASE", parent.name, "database", {"name": body["name"], "body": body}, seconds=3)


def delete_database(call: Call) -> Mapping[str, Any]:
    name = get_database(call)["name"]
    parent = running_instance(call)
    refuse_when_busy(call, parent.name)
    return begin(call, "DELETE_DATABASE", parent.name, "database", {"name": name, "body": None})


def insert_user(call: Call) -> Mapping[str, Any]:
    """A user that exists gets the new password, no refusal (E: no public record)."""
    parent, name = running_instance(call), str(call.body.get("name") or "")
    if not name:
        raise bad_request("Missing parameter: name")
    kind = call.body.get("type") or "BUILT_IN"
    if kind != "BUILT_IN" and call.body.get("password"):
        raise bad_request("Cannot set a password for an IAM user")
    refuse_when_busy(call, parent.name)
    return _user_operation(call, parent, name, "CREATE_USER", call.body)


def get_user(call: Call) -> Mapping[str, Any]:
    parent = running_instance(call)
    return _user(call, parent, call.params["name"]).body


def list_users(call: Call) -> Mapping[str, Any]:
    parent = running_instance(call)
    return listing("sql#usersList", call.store.below(SERVICE, f"{parent.name}/users"))


def update_user(call: Call) -> Mapping[str, Any]:
    """`name` is a query parameter here."""
    parent = running_instance(call)
    row = _user(call, parent, call.text("name") or str(call.body.get("name") or ""))
    refuse_when_busy(call, parent.name)
    return _user_operation(call, parent, row.body["name"], "UPDATE_USER", {**row.body, **call.body})


def delete_user(call: Call) -> Mapping[str, Any]:
    parent = running_instance(call)
    row = _user(call, parent, call.text("name"))
    refuse_when_busy(call, parent.name)
    return begin(call, "DELETE_USER", parent.name, "user", {"name": row.body["name"], "body": None})


def database_done(cloud: Cloud, operation: Operation) -> Outcome:
    name, body, parent = operation.data["name"], operation.data["body"], operation.target
    if cloud.store.get(SERVICE, parent) is None:
        return Outcome()
    progress = cloud.backing.sql_database(parent, name, present=body is not None)
    if (outcome := _ended(progress)) is not None:
        return outcome
    _put_or_delete(cloud, "Database", f"{parent}/databases/{name}", body)
    return Outcome()


def user_done(cloud: Cloud, operation: Operation) -> Outcome:
    name, body, parent = operation.data["name"], operation.data["body"], operation.target
    if cloud.store.get(SERVICE, parent) is None:
        return Outcome()
    key = f"{parent}/users/{name}"
    stored = cloud.store.secrets.get(key)
    password = None if body is None else (stored or b"").decode()
    if (outcome := _ended(cloud.backing.sql_user(parent, name, password))) is not None:
        return outcome
    if body is None:
        cloud.store.secrets.remove(key)
    _put_or_delete(cloud, "User", key, body)
    return Outcome()


def _user(call: Call, parent: Row, name: str) -> Row:
    row = call.find(f"{parent.name}/users/{name}")
    if row is None:
        raise not_found("Not Found")
    return row


def _user_operation(call: Call, parent: Row, name: str, kind: str, sent: Mapping[str, Any]) -> Mapping[str, Any]:
    password = sent.get("password")
    if password:
        call.store.secrets.put(f"{parent.name}/users/{name}", str(password).encode())
    shown = {key: value for key, value in sent.items() if key != "password"}
    common = {"kind": "sql#user", "name": name, "instance": call.params["instance"], "project": call.project.id}
    body = {"host": "", **shown, **common}
    return begin(call, kind, parent.name, "user", {"name": name, "body": body})


def _ended(progress: Progress) -> Outcome | None:
    """None when the backing did it."""
    if not progress.done:
        return WAIT
    return Outcome(error={"code": "INTERNAL_ERROR", "message": progress.error}) if progress.error else None


def _put_or_delete(cloud: Cloud, type_: str, name: str, body: dict[str, Any] | None) -> None:
    if body is None:
        cloud.store.delete(SERVICE, name)
    else:
        cloud.store.put(Row(SERVICE, type_, name, body), cloud.now)
