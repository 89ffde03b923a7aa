"""Cloud Run services: create, get, list, patch, delete, policies; and how a deployment of one ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import policies
from memdeploy.rehearsal.call import Call, Cloud, stamp
from memdeploy.rehearsal.operations import WAIT, Operation, Outcome
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import exists, failed_precondition, invalid
from memdeploy.rehearsal.rules import holds, run_checks, run_launch, run_revisions
from memdeploy.rehearsal.rules.run_base import (
    FAILED_PRECONDITION,
    SERVICE,
    TYPES,
    begin,
    born,
    check_etag,
    check_policies,
    condition,
    dying,
    find,
    in_location,
    refuse,
    shown,
    validated,
    writable,
)
from memdeploy.rehearsal.rules.run_launch import Problem
from memdeploy.rehearsal.store import Row

# A revision that cannot start is given up at once; only a container that does not answer takes its time (E).
_FAILS_AFTER = 12.0


def create(call: Call) -> Mapping[str, Any]:
    return _create(call, f"{call.name}/{call.text('serviceId')}")


def get(call: Call) -> Mapping[str, Any]:
    return shown(find(call, "SERVICE"))


def list_(call: Call) -> Mapping[str, Any]:
    return page(call, "services", [shown(row) for row in in_location(call, "Service")])


def patch(call: Call) -> Mapping[str, Any]:
    """Replaces what the mask names, without one everything. A new template makes a new revision."""
    if call.find(call.name) is None and call.flag("allowMissing"):
        return _create(call, call.name)
    row = find(call, "SERVICE")
    check_etag(row, call.body.get("etag"))
    body = _patched(row.body, call)
    _check(call, row.name, body, "UpdateServiceRequest")
    if call.flag("validateOnly"):
        return validated(call, "Service", body)
    renewed = call.flag("forceNewRevision") or body.get("template") != row.body.get("template")
    if not renewed and writable(body) == writable(row.body):
        return begin(call, row, "unchanged", seconds=1)
    body |= {"generation": str(int(row.body["generation"]) + 1), "updateTime": stamp(call.now)}
    return _deploy(call, row.name, body, row.hidden, renewed=renewed)


def delete(call: Call) -> Mapping[str, Any]:
    row = find(call, "SERVICE")
    check_etag(row, call.text("etag"))
    if call.flag("validateOnly"):
        return validated(call, "Service", shown(row))
    row = call.save("Service", row.name, dying(call, row), row.hidden)
    return begin(call, row, "service-deleted")


def get_iam(call: Call) -> Mapping[str, Any]:
    return policies.get_policy(call, find(call, call.name.split("/")[4][:-1].upper()).name)


def set_iam(call: Call) -> Mapping[str, Any]:
    row = find(call, call.name.split("/")[4][:-1].upper())
    members = [m for b in (call.body.get("policy") or {}).get("bindings") or () for m in b.get("members") or ()]
    public = {"allUsers", "allAuthenticatedUsers"} & set(members)
    if public and call.project.policies.get("iam.allowedPolicyMemberDomains"):
        # https://cloud.google.com/resource-manager/docs/organization-policy/restricting-domains
        raise failed_precondition("One or more users named in the policy do not belong to a permitted customer.")
    return policies.set_policy(call, row.name)


def test_iam(call: Call) -> Mapping[str, Any]:
    """Of a service that is not there too: whoever may do it in the project. gcloud asks before it creates one."""
    return policies.held_permissions(call, call.name)


def deployed(cloud: Cloud, operation: Operation) -> Outcome:
    """The end of a create or patch: the revision serves, or failed and stays behind with its condition."""
    row = cloud.store.get(SERVICE, operation.target)
    if row is None or row.body["generation"] != operation.data["generation"]:
        return Outcome(error={"code": 10, "message": "The service was changed or deleted meanwhile."})
    known = operation.data.get("problem")
    failed = Problem(**known) if known else None
    if failed is None and operation.data["revision"]:
        revision = cloud.store.get(SERVICE, operation.data["revision"])
        progress = run_revisions.started(cloud, row, revision, operation.start) if revision else None
        if progress is None or not progress.done:
            return WAIT
        if progress.error:
            failed = Problem("HEALTH_CHECK_CONTAINER_ERROR", progress.error)
    return _failed(cloud, row, operation, failed) if failed else _ready(cloud, row, operation)


def deployment_failed(cloud: Cloud, operation: Operation) -> Outcome:
    """An operation that was made to fail: the service stays behind, not ready."""
    row = cloud.store.get(SERVICE, operation.target)
    message = (operation.planned_error or {}).get("message", "Internal error occurred.")
    return _failed(cloud, row, operation, Problem("INTERNAL", message)) if row else Outcome()


def delete_failed(cloud: Cloud, operation: Operation) -> Outcome:
    """A delete that was made to fail leaves the service or job as it was."""
    row = cloud.store.get(SERVICE, operation.target)
    if row is not None:
        kept = {key: value for key, value in row.body.items() if key != "deleteTime"}
        kept |= {"reconciling": False, "observedGeneration": kept["generation"]}
        cloud.store.put(Row(SERVICE, row.type, row.name, kept, row.hidden), cloud.now)
    return Outcome()


def deleted(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(SERVICE, operation.target)
    if row is None:
        return Outcome()
    run_revisions.stop_all(cloud, row.name)
    for subnet in row.hidden.get("subnetworks", ()):
        holds.hold(cloud, subnet, row.name, holds.DIRECT_VPC)
    cloud.store.delete(SERVICE, row.name)
    return Outcome(response={"@type": f"{TYPES}.Service", **shown(row)})


def unchanged(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(SERVICE, operation.target)
    return Outcome(response={"@type": f"{TYPES}.Service", **shown(row)}) if row else Outcome()


def _create(call: Call, name: str) -> Mapping[str, Any]:
    if not name.rsplit("/", 1)[-1]:
        raise invalid("service_id is required")
    if call.find(name):
        raise exists(f"Resource '{name.rsplit('/', 1)[-1]}' already exists.")
    body = {**born(call, call.body), "name": name, **_defaults(call, name)}
    body |= {key: call.body[key] for key in ("ingress", "launchStage", "traffic") if call.body.get(key)}
    _check(call, name, body, "CreateServiceRequest")
    if call.flag("validateOnly"):
        return validated(call, "Service", body)
    return _deploy(call, name, body, {}, renewed=True)


def _defaults(call: Call, name: str) -> dict[str, Any]:
    _, project, _, region, _, short = name.split("/")
    uri = f"{call.cloud.endpoint}/_service/{project}/{region}/{short}"
    latest = [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]
    return {"ingress": "INGRESS_TRAFFIC_ALL", "traffic": latest, "uri": uri, "urls": [uri]}


def _check(call: Call, name: str, body: Mapping[str, Any], request: str) -> None:
    refuse(f"{request}.service", run_checks.service_violations(name.rsplit("/", 1)[-1], body))
    check_policies(call, body)
    run_launch.check_request(call, body.get("template") or {})


def _patched(have: Mapping[str, Any], call: Call) -> dict[str, Any]:
    """The mask reaches into objects: `template.scaling`, `scaling.min_instance_count`."""
    fixed = {key: value for key, value in have.items() if key not in writable(have)}
    mask = call.mask()
    if not mask or mask == ("*",):
        kept = {key: have[key] for key in ("ingress", "traffic", "launchStage") if key in have}
        return {**kept, **writable(call.body), **fixed}
    body = {**have}
    for path in mask:
        if path.split(".")[0] in ("name", "etag"):
            continue
        body = _set(body, call.body, path.split("."))
    return {**body, **fixed}


def _set(have: Mapping[str, Any], sent: Mapping[str, Any], path: list[str]) -> dict[str, Any]:
    head, *rest = path
    result, value = dict(have), sent.get(head)
    if rest:
        result[head] = _set(have.get(head) or {}, value or {}, rest)
    elif value is None:
        result.pop(head, None)
    else:
        result[head] = value
    return result


def _deploy(
    call: Call, name: str, body: dict[str, Any], hidden: Mapping[str, Any], *, renewed: bool
) -> Mapping[str, Any]:
    template = body["template"]
    problem = run_launch.problem(call, template) if renewed else None
    revision = run_revisions.make(call, name, body) if renewed else ""
    body |= {"reconciling": True, "terminalCondition": condition("RECONCILING", call.now), "conditions": []}
    if revision:
        body["latestCreatedRevision"] = revision
    used = [*hidden.get("subnetworks", []), *run_launch.subnetworks(call, template)]
    row = call.save("Service", name, body, {**hidden, "subnetworks": sorted(set(used))})
    data = {"generation": body["generation"], "revision": revision, "problem": problem.to_json() if problem else None}
    return begin(call, row, "deployed", data, seconds=_length(call, renewed=renewed, fails=problem is not None))


def _length(call: Call, *, renewed: bool, fails: bool) -> float | None:
    if fails:
        return _FAILS_AFTER
    if not renewed:
        return 5.0
    return None if call.backing.name == "none" else 1.0  # a real container takes its own time


def _ready(cloud: Cloud, row: Row, operation: Operation) -> Outcome:
    now, revision = cloud.now, operation.data["revision"] or row.body.get("latestReadyRevision", "")
    ready = condition("SUCCEEDED", now)
    target = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}
    done = {
        "reconciling": False,
        "observedGeneration": row.body["generation"],
        "terminalCondition": ready,
        "conditions": [condition("SUCCEEDED", now, kind=kind) for kind in ("RoutesReady", "ConfigurationsReady")],
        "latestReadyRevision": revision,
        "trafficStatuses": [{**target, "revision": revision.rsplit("/", 1)[-1]}],
    }
    if operation.data["revision"]:
        run_revisions.settle(cloud, revision, ready)
    run_revisions.scale(cloud, row, revision)
    kept = cloud.store.put(row.with_body(**done).with_hidden(state="READY"), now)
    return Outcome(response={"@type": f"{TYPES}.Service", **shown(kept)})


def _failed(cloud: Cloud, row: Row, operation: Operation, problem: Problem) -> Outcome:
    short = str(operation.data.get("revision") or row.name).rsplit("/", 1)[-1]
    # "Error code 9, message: Revision '…' is not ready and cannot serve traffic. …" (transparency-dev/tesseract#413)
    message = f"Revision '{short}' is not ready and cannot serve traffic. {problem.message}"
    reason = {"reason": problem.reason}
    if problem.reason == "HEALTH_CHECK_CONTAINER_ERROR":
        reason = {"revisionReason": problem.reason}
    failed = condition("FAILED", cloud.now, message=message, **reason)
    if operation.data.get("revision"):
        cloud.backing.service_remove(operation.data["revision"])
        run_revisions.settle(cloud, operation.data["revision"], failed)
    done = {"reconciling": False, "observedGeneration": row.body["generation"], "terminalCondition": failed}
    cloud.store.put(row.with_body(**done).with_hidden(state="FAILED"), cloud.now)
    return Outcome(error={"code": FAILED_PRECONDITION, "message": message})
