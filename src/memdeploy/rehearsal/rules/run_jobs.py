"""Cloud Run jobs: create, get, list, patch, delete, run; and the token that starts an execution by name.

`startExecutionToken`: the execution is called `<job>-<token>`. The token that made the job's last execution is shown
until an execution starts in another way; sent again while it is shown, nothing happens; after another execution the
request fails with `Resource '…' already exists` (GoogleCloudPlatform/magic-modules#19060).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import Call, Cloud, stamp
from memdeploy.rehearsal.operations import Operation, Outcome
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import exists, invalid
from memdeploy.rehearsal.rules import holds, run_checks, run_executions, run_launch
from memdeploy.rehearsal.rules.run_base import (
    FAILED_PRECONDITION,
    SERVICE,
    TYPES,
    begin,
    born,
    check_etag,
    condition,
    dying,
    find,
    in_location,
    refuse,
    shown,
    validated,
    writable,
)
from memdeploy.rehearsal.store import Row

_TOKENS = ("startExecutionToken", "runExecutionToken")
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def create(call: Call) -> Mapping[str, Any]:
    return _create(call, f"{call.name}/{call.text('jobId')}")


def get(call: Call) -> Mapping[str, Any]:
    return shown(_with_latest(call.cloud, find(call, "JOB")))


def list_(call: Call) -> Mapping[str, Any]:
    return page(call, "jobs", [shown(_with_latest(call.cloud, row)) for row in in_location(call, "Job")])


def patch(call: Call) -> Mapping[str, Any]:
    """Replaces the whole job: this method has no field mask."""
    if call.find(call.name) is None and call.flag("allowMissing"):
        return _create(call, call.name)
    row = find(call, "JOB")
    check_etag(row, call.body.get("etag"))
    fixed = {key: value for key, value in row.body.items() if key not in writable(row.body)}
    body = {"launchStage": "GA", **_filled(writable(call.body)), **fixed}
    _check(call, row.name, body, "UpdateJobRequest")
    if call.flag("validateOnly"):
        return validated(call, "Job", body)
    body |= {"generation": str(int(row.body["generation"]) + 1), "updateTime": stamp(call.now)}
    return _deploy(call, row.name, body, row)


def delete(call: Call) -> Mapping[str, Any]:
    row = find(call, "JOB")
    check_etag(row, call.text("etag"))
    if call.flag("validateOnly"):
        return validated(call, "Job", shown(row))
    row = call.save("Job", row.name, dying(call, row), row.hidden)
    return begin(call, row, "job-deleted")


def run(call: Call) -> Mapping[str, Any]:
    """Starts an execution under a name of the server's. The operation ends with the execution."""
    row = find(call, "JOB")
    check_etag(row, call.body.get("etag"))
    overrides = call.body.get("overrides") or {}
    random = "".join(secrets.choice(_ALPHABET) for _ in range(5))
    name = f"{row.name}/executions/{row.name.rsplit('/', 1)[-1]}-{random}"
    body = {key: value for key, value in row.body.items() if key not in _TOKENS}
    row = call.save("Job", row.name, {**body, **_counted(row, name)}, row.hidden)
    execution = run_executions.make(call, row, name, overrides)
    return run_executions.begin_execution(call, execution)


def deployed(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(SERVICE, operation.target)
    if row is None:
        return Outcome(error={"code": 10, "message": "The job was deleted meanwhile."})
    return _settled(cloud, row, operation.data.get("problem"))


def deployment_failed(cloud: Cloud, operation: Operation) -> Outcome:
    """An operation that was made to fail: the job stays behind, not ready."""
    row = cloud.store.get(SERVICE, operation.target)
    message = (operation.planned_error or {}).get("message", "Internal error occurred.")
    return _settled(cloud, row, {"reason": "INTERNAL", "message": message}) if row else Outcome()


def _settled(cloud: Cloud, row: Row, problem: Mapping[str, str] | None) -> Outcome:
    state = condition("FAILED", cloud.now, **problem) if problem else condition("SUCCEEDED", cloud.now)
    done = {"reconciling": False, "observedGeneration": row.body["generation"], "terminalCondition": state}
    kept = cloud.store.put(row.with_body(**done), cloud.now)
    if problem:
        return Outcome(error={"code": FAILED_PRECONDITION, "message": problem["message"]})
    return Outcome(response={"@type": f"{TYPES}.Job", **shown(kept)})


def deleted(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(SERVICE, operation.target)
    if row is None:
        return Outcome()
    for subnet in row.hidden.get("subnetworks", ()):
        holds.hold(cloud, subnet, row.name, holds.DIRECT_VPC)
    cloud.store.delete(SERVICE, row.name)
    return Outcome(response={"@type": f"{TYPES}.Job", **shown(row)})


def _create(call: Call, name: str) -> Mapping[str, Any]:
    if not name.rsplit("/", 1)[-1]:
        raise invalid("job_id is required")
    if call.find(name):
        raise exists(f"Resource '{name.rsplit('/', 1)[-1]}' already exists.")
    body = _filled({**born(call, call.body), "name": name, "executionCount": 0})
    _check(call, name, body, "CreateJobRequest")
    if call.flag("validateOnly"):
        return validated(call, "Job", body)
    return _deploy(call, name, body, None)


def _filled(body: dict[str, Any]) -> dict[str, Any]:
    """Defaults of the discovery document: one task, three retries, ten minutes."""
    template = body.get("template") or {}
    task = {"maxRetries": 3, "timeout": "600s", **(template.get("template") or {})}
    return {**body, "template": {"taskCount": 1, **template, "template": task}}


def _check(call: Call, name: str, body: Mapping[str, Any], request: str) -> None:
    refuse(f"{request}.job", run_checks.job_violations(name.rsplit("/", 1)[-1], body))
    run_launch.check_request(call, body["template"]["template"])


def _deploy(call: Call, name: str, body: dict[str, Any], old: Row | None) -> Mapping[str, Any]:
    template = body["template"]["template"]
    problem = run_launch.problem(call, template)
    execution = "" if problem else _to_start(call, name, body, old)
    body |= {"reconciling": True, "terminalCondition": condition("RECONCILING", call.now)}
    if problem:
        body = {key: value for key, value in body.items() if key not in _TOKENS}
    if execution:
        body |= _counted(old, execution)
    used = [*(old.hidden.get("subnetworks", []) if old else []), *run_launch.subnetworks(call, template)]
    row = call.save("Job", name, body, {"subnetworks": sorted(set(used))})
    if execution:
        run_executions.begin_execution(call, run_executions.make(call, row, execution, {}))
    return begin(call, row, "job-deployed", {"problem": problem.to_json() if problem else None})


def _to_start(call: Call, name: str, body: Mapping[str, Any], old: Row | None) -> str:
    """The full name of the execution that the token asks for; '' when there is none to start."""
    token = next((str(body[key]) for key in _TOKENS if body.get(key)), "")
    if not token or (old and token in (old.body.get(key) for key in _TOKENS)):
        return ""
    short = f"{name.rsplit('/', 1)[-1]}-{token}"
    if call.find(f"{name}/executions/{short}"):
        raise exists(f"Resource '{short}' already exists.")
    return f"{name}/executions/{short}"


def _counted(old: Row | None, execution: str) -> dict[str, Any]:
    count = int(old.body.get("executionCount") or 0) if old else 0
    return {"executionCount": count + 1, "latestCreatedExecution": {"name": execution.rsplit("/", 1)[-1]}}


def _with_latest(cloud: Cloud, row: Row) -> Row:
    """latestCreatedExecution as it is by now."""
    latest = row.body.get("latestCreatedExecution")
    execution = cloud.store.get(SERVICE, f"{row.name}/executions/{latest['name']}") if latest else None
    if execution is None:
        return row
    return row.with_body(latestCreatedExecution=run_executions.reference(execution))
