"""Jobs, executions and tasks in v1, over the state of v2."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from memdeploy.rehearsal.call import Call, Handler
from memdeploy.rehearsal.knative import containers, jobs
from memdeploy.rehearsal.knative.meta import Place
from memdeploy.rehearsal.rules import run_executions, run_jobs, run_v1_lists
from memdeploy.rehearsal.rules.run_base import SERVICE, find, in_location, shown
from memdeploy.rehearsal.rules.run_v1 import SUCCESS, Kind, as_v2, below, changed, deleted, new_name, place
from memdeploy.rehearsal.store import Row

Json = Mapping[str, Any]
_KIND = Kind("job", jobs.from_v1, jobs.to_v1)


def create(call: Call) -> Json:
    return changed(call, _KIND, run_jobs.create, short=new_name(call))


def replace_(call: Call) -> Json:
    find(call, "JOB")
    return changed(call, _KIND, run_jobs.patch)


def get(call: Call) -> Json:
    return jobs.to_v1(run_jobs.get(call), place(call, call.name))


def list_(call: Call) -> Json:
    items = [
        jobs.to_v1(run_jobs.get(replace(call, name=row.name)), place(call, row.name)) for row in _rows(call, "Job")
    ]
    return run_v1_lists.answer(call, "JobList", jobs.API, items)


def delete(call: Call) -> Json:
    return deleted(call, _KIND, run_jobs.delete)


def run(call: Call) -> Json:
    """Answers with the execution that was started."""
    sent = call.body.get("overrides") or {}
    overrides = {key: sent[key] for key in ("taskCount",) if key in sent}
    if sent.get("timeoutSeconds"):
        overrides["timeout"] = f"{sent['timeoutSeconds']}s"
    if sent.get("containerOverrides"):
        overrides["containerOverrides"] = [_override(one) for one in sent["containerOverrides"]]
    operation = run_jobs.run(as_v2(call, "jobs.run", body={"overrides": overrides}))
    name = str(operation["metadata"]["name"])
    return jobs.execution_to_v1(shown(find(replace(call, name=name), "EXECUTION")), place(call, name))


def get_execution(call: Call) -> Json:
    row = below(call, "Execution", "EXECUTION")
    return jobs.execution_to_v1(run_executions.get(replace(call, name=row.name)), place(call, row.name))


def list_executions(call: Call) -> Json:
    rows = sorted(_rows(call, "Execution"), key=lambda row: row.created, reverse=True)
    items = _each(call, rows, run_executions.get, jobs.execution_to_v1)
    return run_v1_lists.answer(call, "ExecutionList", jobs.API, items)


def cancel_execution(call: Call) -> Json:
    row = below(call, "Execution", "EXECUTION")
    run_executions.cancel(as_v2(replace(call, name=row.name), "jobs.executions.cancel", body={}))
    return jobs.execution_to_v1(shown(call.store.get(SERVICE, row.name) or row), place(call, row.name))


def delete_execution(call: Call) -> Json:
    row = below(call, "Execution", "EXECUTION")
    run_executions.delete(as_v2(replace(call, name=row.name), "jobs.executions.delete", body={}))
    return SUCCESS


def get_task(call: Call) -> Json:
    row = below(call, "Task", "TASK")
    return jobs.task_to_v1(shown(row), place(call, row.name))


def list_tasks(call: Call) -> Json:
    items = _each(call, _rows(call, "Task"), run_executions.get_task, jobs.task_to_v1)
    return run_v1_lists.answer(call, "TaskList", jobs.API, items)


def _rows(call: Call, type_: str) -> list[Row]:
    return in_location(call, type_)


def _each(
    call: Call, rows: Iterable[Row], read: Handler, write: Callable[[Json, Place], dict[str, Any]]
) -> list[dict[str, Any]]:
    return [write(read(replace(call, name=row.name)), place(call, row.name)) for row in rows]


def _override(sent: Json) -> dict[str, Any]:
    made = {key: sent[key] for key in ("name", "args", "clearArgs") if key in sent}
    if sent.get("env"):
        made["env"] = containers.from_v1({"env": sent["env"]}, {})["env"]
    return made


_HANDLERS: Mapping[str, Handler] = {
    "jobs.create": create,
    "jobs.get": get,
    "jobs.list": list_,
    "jobs.replaceJob": replace_,
    "jobs.delete": delete,
    "jobs.run": run,
    "executions.get": get_execution,
    "executions.list": list_executions,
    "executions.cancel": cancel_execution,
    "executions.delete": delete_execution,
    "tasks.get": get_task,
    "tasks.list": list_tasks,
}
RULES: Mapping[str, Handler] = {f"run.namespaces.{tail}@v1": handler for tail, handler in _HANDLERS.items()}
