"""What services and jobs of Cloud Run share: names, conditions, operations, etags. Admin API v2."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import operations
from memdeploy.rehearsal.call import Call, stamp
from memdeploy.rehearsal.refusal import aborted, failed_precondition, invalid, not_found
from memdeploy.rehearsal.rules import orgpolicies
from memdeploy.rehearsal.store import Row

SERVICE = "run"
TYPES = "type.googleapis.com/google.cloud.run.v2"
#: Fields that only the server writes (discovery document: "Output only"), and those that a name decides.
OUTPUT_ONLY = frozenset(
    {
        "name", "uid", "generation", "createTime", "updateTime", "deleteTime", "expireTime", "creator",
        "lastModifier", "observedGeneration", "terminalCondition", "conditions", "latestReadyRevision",
        "latestCreatedRevision", "trafficStatuses", "uri", "urls", "reconciling", "etag", "satisfiesPzs",
        "executionCount", "latestCreatedExecution", "threatDetectionEnabled",
    }
)  # fmt: skip
FAILED_PRECONDITION = 9


def find(call: Call, kind: str) -> Row:
    """The resource that the path names; `kind` as the message words it: SERVICE, JOB, …"""
    row = call.find(call.name)
    if row is None:
        parts = call.name.split("/")
        raise not_found(
            f"Resource '{parts[-1]}' of kind '{kind}' in region '{parts[3]}' in project '{parts[1]}' does not exist."
        )
    return row


def in_location(call: Call, type_: str) -> list[Row]:
    """Resources of the collection that the path names; location `-` means all."""
    project, location = call.name.split("/")[1], call.name.split("/")[3]
    place = f"projects/{project}/locations" + ("" if location == "-" else f"/{location}")
    return call.store.below(SERVICE, place, type_)


def shown(row: Row) -> dict[str, Any]:
    return {**row.body, "etag": row.etag}


def check_etag(row: Row, sent: str | None) -> None:
    if sent and sent != row.etag:
        raise aborted(
            f"Conflict for resource '{row.name.rsplit('/', 1)[-1]}': version '{sent}' was specified but current "
            f"version is '{row.etag}'."
        )


def refuse(request: str, violations: list[str]) -> None:
    if violations:
        raise invalid("; ".join(f"Violation in {request}.{text}" for text in violations))


def check_policies(call: Call, service: Mapping[str, Any]) -> None:
    """https://cloud.google.com/run/docs/securing/ingress and …/authenticating/public, organization policies."""
    policies = call.project.policies
    short = {"INGRESS_TRAFFIC_ALL": "all", "INGRESS_TRAFFIC_INTERNAL_ONLY": "internal"}
    wanted = short.get(service.get("ingress") or "INGRESS_TRAFFIC_ALL", "internal-and-cloud-load-balancing")
    if not orgpolicies.permits(policies, "run.allowedIngress", wanted):
        raise failed_precondition(
            f"Constraint constraints/run.allowedIngress violated: ingress {wanted} is not allowed."
        )
    if service.get("invokerIamDisabled") and policies.get("run.managed.requireInvokerIam"):
        raise failed_precondition("Operation denied by org policy: constraints/run.managed.requireInvokerIam")


def condition(state: str, now: float, *, kind: str = "Ready", message: str = "", **reason: str) -> dict[str, Any]:
    """`state` without its prefix: SUCCEEDED, FAILED, RECONCILING, PENDING. `reason`: at most one of the reasons."""
    made: dict[str, Any] = {"type": kind, "state": f"CONDITION_{state}", "lastTransitionTime": stamp(now), **reason}
    if message:
        made["message"] = message
    if state == "FAILED":
        made["severity"] = "ERROR"
    return made


def begin(
    call: Call, row: Row, finisher: str, data: Mapping[str, Any] | None = None, *, seconds: float | None = None
) -> dict[str, Any]:
    """An operation whose metadata is the resource as it is now, as Cloud Run's are."""
    location = "/".join(row.name.split("/")[:4])
    metadata = {"@type": f"{TYPES}.{row.type}", **shown(row)}
    return operations.start(
        call,
        "lro",
        f"{location}/operations/{uuid.uuid4()}",
        kind="run",
        target=row.name,
        finisher=finisher,
        data=data,
        metadata=metadata,
        seconds=seconds,
    )


def dying(call: Call, row: Row) -> dict[str, Any]:
    """Its definition once a delete has begun: a change like any other, so its generation grows (ObjectMeta.generation;
    clients that wait for a failed service to go rely on it)."""
    generation = str(int(row.body["generation"]) + 1)
    return {**row.body, "deleteTime": stamp(call.now), "reconciling": True, "generation": generation}


def validated(call: Call, type_: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to `validateOnly`: an operation that is done, and nothing kept."""
    location = "/".join(call.name.split("/")[:4])
    answer = {"@type": f"{TYPES}.{type_}", **body}
    return {"name": f"{location}/operations/{uuid.uuid4()}", "done": True, "metadata": answer, "response": answer}


def born(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    """What every new resource gets."""
    who, now = call.caller.partition(":")[2], stamp(call.now)
    fixed = {"uid": str(uuid.uuid4()), "generation": "1", "createTime": now, "updateTime": now}
    return {**writable(body), **fixed, "creator": who, "lastModifier": who, "launchStage": "GA"}


def writable(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in OUTPUT_ONLY and value is not None}


def account_of(call: Call, template: Mapping[str, Any]) -> str:
    """The identity that the containers run as; the default one when the template names none."""
    default = f"{call.project.number}-compute@developer.gserviceaccount.com"
    return str(template.get("serviceAccount") or default)
