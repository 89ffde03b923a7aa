"""How each dialect shows an operation. Sources: the discovery documents' Operation schemas (compute v1, sqladmin v1)
and google.longrunning."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from memdeploy.rehearsal.call import Cloud, stamp

if TYPE_CHECKING:
    from memdeploy.rehearsal.operations import Operation

STARTING = 0.15
"The first part of an operation's length, in which it is still PENDING."


def stage(cloud: Cloud, operation: Operation) -> str:
    if operation.ended is not None:
        return "DONE"
    return "PENDING" if cloud.now < operation.start + operation.length * STARTING else "RUNNING"


def show_longrunning(cloud: Cloud, operation: Operation) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": operation.name}
    if operation.metadata:
        shown["metadata"] = operation.metadata
    if operation.ended is None:
        return shown
    if operation.error is not None:
        return {
            **shown,
            "done": True,
            "error": {"code": operation.error["code"], "message": operation.error["message"]},
        }
    return {
        **shown,
        "done": True,
        "response": operation.response or {"@type": "type.googleapis.com/google.protobuf.Empty"},
    }


def show_sql(cloud: Cloud, operation: Operation) -> dict[str, Any]:
    project = operation.name.split("/")[1]
    name = operation.name.rsplit("/", 1)[-1]
    base = "https://sqladmin.googleapis.com/sql/v1beta4/projects"
    shown: dict[str, Any] = {
        "kind": "sql#operation",
        "name": name,
        "status": stage(cloud, operation),
        "operationType": operation.kind,
        "targetProject": project,
        "targetId": operation.target.rsplit("/", 1)[-1],
        "targetLink": f"{base}/{operation.target.removeprefix('projects/')}",
        "selfLink": f"{base}/{project}/operations/{name}",
        "user": operation.caller.partition(":")[2],
        "insertTime": stamp(operation.start),
        "startTime": stamp(operation.start),
        **operation.metadata,
    }
    if operation.ended is not None:
        shown["endTime"] = stamp(operation.ended)
        if operation.error is not None:
            error = {"kind": "sql#operationError", **_word(operation.error, "INTERNAL_ERROR")}
            shown["error"] = {"kind": "sql#operationErrors", "errors": [error]}
    return shown


def show_compute(cloud: Cloud, operation: Operation) -> dict[str, Any]:
    state = stage(cloud, operation)
    base = "https://www.googleapis.com/compute/v1"
    name = operation.name.rsplit("/", 1)[-1]
    shown: dict[str, Any] = {
        "kind": "compute#operation",
        "id": str(10**18 + zlib.crc32(operation.name.encode())),
        "name": name,
        "operationType": operation.kind,
        "status": state,
        "progress": 100 if state == "DONE" else 0,
        "targetLink": f"{base}/{operation.target}",
        "targetId": operation.data.get("target_id", "0"),
        "selfLink": f"{base}/{operation.name}",
        "user": operation.caller.partition(":")[2],
        "insertTime": stamp(operation.start),
        "startTime": stamp(operation.start),
        **_scope(operation.name, base),
        **operation.metadata,
    }
    if operation.ended is not None:
        shown["endTime"] = stamp(operation.ended)
        if operation.error is not None:
            shown["error"] = {"errors": [_word(operation.error, "INTERNAL_ERROR")]}
            shown["httpErrorStatusCode"] = operation.error.get("http", 400)
            shown["httpErrorMessage"] = operation.error.get("http_message", "BAD REQUEST")
    return shown


def _word(error: Mapping[str, Any], default: str) -> dict[str, Any]:
    code = error.get("code", default)
    return {"code": code if isinstance(code, str) else default, "message": error.get("message", "")}


def _scope(name: str, base: str) -> dict[str, str]:
    parts = name.split("/")
    if parts[2] in ("zones", "regions"):
        return {parts[2][:-1]: f"{base}/{'/'.join(parts[:4])}"}
    return {}


SHOW: Mapping[str, Callable[[Cloud, Any], dict[str, Any]]] = {
    "lro": show_longrunning,
    "sql": show_sql,
    "compute": show_compute,
}
