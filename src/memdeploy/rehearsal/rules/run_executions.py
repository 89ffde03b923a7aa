"""Executions of Cloud Run jobs and their one task: attempts, exit codes, cancellation."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import operations
from memdeploy.rehearsal.call import Call, Cloud, stamp
from memdeploy.rehearsal.operations import WAIT, Operation, Outcome
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import failed_precondition
from memdeploy.rehearsal.rules import run_launch, run_logs
from memdeploy.rehearsal.rules.run_base import SERVICE, TYPES, begin, condition, find, shown
from memdeploy.rehearsal.store import Row

# Without a real container: about what starting one, and preparing two databases, takes (E).
_LENGTH = 45.0
_STARTS_AFTER = 8.0


def make(call: Call, job: Row, name: str, overrides: Mapping[str, Any]) -> Row:
    """An execution of the job as it is now. `overrides`: RunJobRequest.overrides."""
    now, short = stamp(call.now), name.rsplit("/", 1)[-1]
    template = _overridden(job.body["template"]["template"], overrides)
    kept = ("labels", "annotations", "client", "clientVersion", "launchStage", "creator")
    body = {key: job.body[key] for key in kept if key in job.body} | {
        "name": name,
        "uid": str(uuid.uuid4()),
        "generation": "1",
        "job": job.name.rsplit("/", 1)[-1],
        "createTime": now,
        "updateTime": now,
        "parallelism": 1,
        "taskCount": 1,
        "runningCount": 0,
        "reconciling": True,
        "template": template,
        "conditions": [condition("RECONCILING", call.now, kind="Completed")],
        "logUri": f"https://console.cloud.google.com/run/jobs/executions/details/{short}",
    }
    row = call.save("Execution", name, body, {"subnetworks": run_launch.subnetworks(call, template), "attempt": 0})
    task = f"{name}/tasks/{short}-task0"
    shared = {key: body[key] for key in ("job", "createTime", "updateTime", "generation")}
    fields = {**template, **shared, "name": task, "uid": str(uuid.uuid4()), "execution": short, "index": 0}
    call.save("Task", task, {**fields, "retried": 0, "conditions": body["conditions"], "scheduledTime": now})
    return row


def begin_execution(call: Call, row: Row) -> dict[str, Any]:
    seconds = _LENGTH if call.backing.name == "none" else 0.0
    return begin(call, row, "executed", seconds=seconds)


def get(call: Call) -> Mapping[str, Any]:
    return shown(_by_time(call.cloud, find(call, "EXECUTION")))


def list_(call: Call) -> Mapping[str, Any]:
    rows = sorted(call.store.children(SERVICE, call.name), key=lambda row: row.created, reverse=True)
    return page(call, "executions", [shown(_by_time(call.cloud, row)) for row in rows])


def get_task(call: Call) -> Mapping[str, Any]:
    return shown(find(call, "TASK"))


def list_tasks(call: Call) -> Mapping[str, Any]:
    return page(call, "tasks", [shown(row) for row in call.store.children(SERVICE, call.name)])


def cancel(call: Call) -> Mapping[str, Any]:
    row = find(call, "EXECUTION")
    if "completionTime" in row.body:
        raise failed_precondition(f"Execution '{row.name.rsplit('/', 1)[-1]}' is already completed.")
    state = condition("FAILED", call.now, kind="Completed", message="Cancelled by user.", executionReason="CANCELLED")
    row = _end(call.cloud, row, {"cancelledCount": 1}, state)
    return begin(call, row, "unchanged", seconds=2)


def delete(call: Call) -> Mapping[str, Any]:
    row = find(call, "EXECUTION")
    call.store.delete(SERVICE, row.name)
    answer = {"@type": f"{TYPES}.Execution", **shown(row)}
    name = f"{'/'.join(row.name.split('/')[:4])}/operations/{uuid.uuid4()}"
    return operations.start(call, "lro", name, kind="run", target=row.name, metadata=answer, response=answer, seconds=2)


def executed(cloud: Cloud, operation: Operation) -> Outcome:
    """The end of an execution: its task's last attempt has ended. One that fails is repeated maxRetries times."""
    row = cloud.store.get(SERVICE, operation.target)
    if row is None:
        return Outcome(error={"code": 1, "message": "The execution was deleted."})
    if "completionTime" in row.body:
        return Outcome(error={"code": 1, "message": "The execution was cancelled."})
    attempt = int(row.hidden.get("attempt", 0))
    key = f"{row.name}/tasks/0/attempts/{attempt}"
    if cloud.backing.name != "none":
        cloud.backing.job_start(_spec(cloud, row, key, attempt))
    progress = cloud.backing.job_state(key)
    if not progress.done:
        return WAIT
    run_logs.task_said(cloud, row, progress.log)
    code = progress.exit_code if progress.exit_code is not None else (1 if progress.error else 0)
    _note_attempt(cloud, row, code, attempt)
    if code != 0 and attempt < int(row.body["template"].get("maxRetries", 3)):
        cloud.store.put(row.with_hidden(attempt=attempt + 1), cloud.now)
        return WAIT
    return _completed(cloud, row, code)


def failed(cloud: Cloud, operation: Operation) -> Outcome:
    """An execution that was made to fail: no exit code, for no container ended."""
    row = cloud.store.get(SERVICE, operation.target)
    if row is not None and "completionTime" not in row.body:
        text = (operation.planned_error or {}).get("message", "Internal error occurred.")
        state = condition("FAILED", cloud.now, kind="Completed", message=text, reason="INTERNAL")
        _end(cloud, row, {"failedCount": 1}, state)
    return Outcome()


def reference(execution: Row) -> dict[str, Any]:
    """Job.latestCreatedExecution."""
    state = execution.body["conditions"][0]
    status = "EXECUTION_RUNNING"
    if "completionTime" in execution.body:
        status = "EXECUTION_SUCCEEDED" if state["state"] == "CONDITION_SUCCEEDED" else "EXECUTION_FAILED"
        status = "EXECUTION_CANCELLED" if state.get("executionReason") == "CANCELLED" else status
    times: dict[str, Any] = {key: execution.body.get(key) for key in ("createTime", "completionTime")}
    return {"name": execution.name.rsplit("/", 1)[-1], "completionStatus": status, **times}


def _completed(cloud: Cloud, row: Row, code: int) -> Outcome:
    if code == 0:
        kept = _end(cloud, row, {"succeededCount": 1}, condition("SUCCEEDED", cloud.now, kind="Completed"))
        return Outcome(response={"@type": f"{TYPES}.Execution", **shown(kept)})
    short = row.name.rsplit("/", 1)[-1]
    message = f"Task {short}-task0 failed with message: The container exited with an error."
    reason = {"executionReason": "NON_ZERO_EXIT_CODE"}
    _end(cloud, row, {"failedCount": 1}, condition("FAILED", cloud.now, kind="Completed", message=message, **reason))
    return Outcome(error={"code": 9, "message": message})


def _end(cloud: Cloud, row: Row, counts: Mapping[str, int], state: Mapping[str, Any]) -> Row:
    now = stamp(cloud.now)
    done = {"completionTime": now, "updateTime": now, "reconciling": False, "conditions": [state], "runningCount": 0}
    started = {"startTime": row.body.get("startTime") or now, "observedGeneration": "1"}
    for task in cloud.store.children(SERVICE, f"{row.name}/tasks"):
        cloud.store.put(task.with_body(completionTime=now, conditions=[state], **started), cloud.now)
    return cloud.store.put(row.with_body(**done, **started, **counts), cloud.now)


def _note_attempt(cloud: Cloud, row: Row, code: int, attempt: int) -> None:
    status = {"code": 0} if code == 0 else {"code": 9, "message": f"The container exited with code {code}."}
    for task in cloud.store.children(SERVICE, f"{row.name}/tasks"):
        cloud.store.put(
            task.with_body(lastAttemptResult={"exitCode": code, "status": status}, retried=attempt), cloud.now
        )


def _by_time(cloud: Cloud, row: Row) -> Row:
    """A task is running some seconds after the execution was made."""
    if "completionTime" in row.body or not cloud.after(_STARTS_AFTER, since=row.created):
        return row
    return row.with_body(runningCount=1, startTime=stamp(row.created + _STARTS_AFTER * cloud.scale))


def _spec(cloud: Cloud, row: Row, key: str, attempt: int) -> Any:
    env = {
        "CLOUD_RUN_JOB": row.body["job"],
        "CLOUD_RUN_EXECUTION": row.name.rsplit("/", 1)[-1],
        "CLOUD_RUN_TASK_INDEX": "0",
        "CLOUD_RUN_TASK_COUNT": "1",
        "CLOUD_RUN_TASK_ATTEMPT": str(attempt),
    }
    project, subnets = row.name.split("/")[1], row.hidden.get("subnetworks", ())
    template = row.body["template"]
    return run_launch.container_spec(
        cloud, key, project, template, env, container=template["containers"][0], port=None, subnets=subnets
    )


def _overridden(template: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(template)
    if overrides.get("timeout"):
        result["timeout"] = overrides["timeout"]
    for change in overrides.get("containerOverrides") or ():
        first, *others = result["containers"]
        env = {entry["name"]: entry for entry in (*(first.get("env") or ()), *(change.get("env") or ()))}
        args = [] if change.get("clearArgs") else change.get("args") or first.get("args") or []
        result["containers"] = [{**first, "env": list(env.values()), "args": args}, *others]
    return result
