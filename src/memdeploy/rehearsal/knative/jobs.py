"""Jobs, executions and tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.knative import conditions, meta, templates
from memdeploy.rehearsal.knative.meta import Field, Place, from_annotations, own, to_annotations

Json = Mapping[str, Any]
API = "run.googleapis.com/v1"
_FIELDS = (
    meta.LAUNCH_STAGE,
    Field(meta.CLIENT, "client"),
    Field(meta.CLIENT_VERSION, "clientVersion"),
)
_TOKENS = ("startExecutionToken", "runExecutionToken")
_STATES = {"CONDITION_SUCCEEDED": "Succeeded", "CONDITION_FAILED": "Failed", "CONDITION_RECONCILING": "Running"}
_COUNTS = ("runningCount", "succeededCount", "failedCount", "cancelledCount", "retriedCount")


def from_v1(job: Json) -> dict[str, Any]:
    """A Job of v2 without a name. ValueError: an annotation's text is no value of its field."""
    header, spec = job.get("metadata") or {}, job.get("spec") or {}
    annotations = header.get("annotations") or {}
    made: dict[str, Any] = {
        "labels": own(header.get("labels")),
        "annotations": own(annotations),
        "etag": header.get("resourceVersion"),
        **from_annotations(_FIELDS, annotations),
        **{key: spec[key] for key in _TOKENS if spec.get(key)},
        "template": _execution_template_from_v1(spec.get("template") or {}),
    }
    return {key: value for key, value in made.items() if value not in (None, "", {}, [])}


def to_v1(job: Json, place: Place) -> dict[str, Any]:
    return {
        "apiVersion": API,
        "kind": "Job",
        "metadata": meta.of(place, job, path=f"{API}/jobs", annotations=to_annotations(_FIELDS, job)),
        "spec": {
            "template": _execution_template_to_v1(job.get("template") or {}),
            **{key: job[key] for key in _TOKENS if job.get(key)},
        },
        "status": _status(job),
    }


def execution_to_v1(execution: Json, place: Place) -> dict[str, Any]:
    annotations, task = templates.task_to_v1(execution.get("template") or {})
    status: dict[str, Any] = {
        "observedGeneration": int(execution.get("observedGeneration") or 0) or None,
        "conditions": conditions.of_all(execution.get("conditions") or ()),
        "startTime": execution.get("startTime"),
        "completionTime": execution.get("completionTime"),
        "logUri": execution.get("logUri"),
        **{key: execution[key] for key in _COUNTS if execution.get(key)},
    }
    return {
        "apiVersion": API,
        "kind": "Execution",
        "metadata": meta.of(place, execution, path=f"{API}/executions", annotations=annotations,
                            labels={"run.googleapis.com/job": str(execution.get("job") or "")}),
        "spec": {
            **{key: execution[key] for key in ("parallelism", "taskCount") if execution.get(key)},
            "template": {"spec": task},
        },
        "status": {key: value for key, value in status.items() if value is not None},
    }  # fmt: skip


def task_to_v1(task: Json, place: Place) -> dict[str, Any]:
    annotations, spec = templates.task_to_v1(task)
    status: dict[str, Any] = {key: task.get(key) for key in ("startTime", "completionTime", "logUri", "retried")}
    status |= {"index": task.get("index"), "conditions": conditions.of_all(task.get("conditions") or ())}
    status["lastAttemptResult"] = task.get("lastAttemptResult")
    labels = {
        "run.googleapis.com/job": str(task.get("job") or ""),
        "run.googleapis.com/execution": str(task.get("execution") or ""),
        "run.googleapis.com/runningState": _running_state(task),
    }
    return {
        "apiVersion": API,
        "kind": "Task",
        "metadata": meta.of(place, task, path=f"{API}/tasks", annotations=annotations, labels=labels),
        "spec": spec,
        "status": {key: value for key, value in status.items() if value is not None},
    }


def _running_state(task: Json) -> str:
    """As gcloud's task lists filter and show it (SDK 528, command_lib/run: `run.googleapis.com/runningState`)."""
    completed: Json = next(iter(task.get("conditions") or ()), {})
    if completed.get("executionReason") == "CANCELLED":
        return "Cancelled"
    return _STATES.get(str(completed.get("state")), "Pending")


def _execution_template_from_v1(template: Json) -> dict[str, Any]:
    header, spec = template.get("metadata") or {}, template.get("spec") or {}
    annotations = header.get("annotations") or {}
    made: dict[str, Any] = {
        "labels": own(header.get("labels")),
        "annotations": own(annotations),
        **{key: spec[key] for key in ("parallelism", "taskCount") if spec.get(key)},
        "template": templates.task_from_v1((spec.get("template") or {}).get("spec") or {}, annotations),
    }
    return {key: value for key, value in made.items() if value not in (None, "", {}, [])}


def _execution_template_to_v1(template: Json) -> dict[str, Any]:
    annotations, task = templates.task_to_v1(template.get("template") or {})
    return {
        "metadata": {
            "labels": template.get("labels") or {},
            "annotations": {**(template.get("annotations") or {}), **annotations},
        },
        "spec": {
            **{key: template[key] for key in ("parallelism", "taskCount") if template.get(key)},
            "template": {"spec": task},
        },
    }


def _status(job: Json) -> dict[str, Any]:
    latest = job.get("latestCreatedExecution") or {}
    reference = {
        "name": latest.get("name"),
        "creationTimestamp": latest.get("createTime"),
        "completionTimestamp": latest.get("completionTime"),
        "completionStatus": latest.get("completionStatus"),
    }
    terminal = job.get("terminalCondition") or {"type": "Ready", "state": "CONDITION_PENDING"}
    made: dict[str, Any] = {
        "observedGeneration": int(job.get("observedGeneration") or 0) or None,
        "executionCount": job.get("executionCount"),
        "latestCreatedExecution": {key: value for key, value in reference.items() if value is not None} or None,
        "conditions": [conditions.shown(terminal, kind="Ready")],
    }
    return {key: value for key, value in made.items() if value is not None}
