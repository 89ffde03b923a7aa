"""Why an execution failed: its task's exit code by the image's own table. Logs only add to that: they arrive late."""

from __future__ import annotations

from memdeploy.engine.step import Run
from memdeploy.errors import CloudError, StepFailed
from memdeploy.memmachine import exits
from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.run_container import JSON
from memdeploy.providers.gcp.scope import Scope

_LINES = 3
_NEXT = "Put the cause right and run `memdeploy up` again."


def explain(run: Run, scope: Scope, execution: str, tasks: list[JSON], ended: JSON) -> StepFailed:
    """`code` is the culprit's word (`postgres-password`, …): stable, for programs."""
    code = exit_code(tasks)
    said = _last_lines(run, scope, execution)
    known = exits.culprit(code, scope.context.docker_files) if code is not None else None
    if known is None:
        return _unknown(run, code, tasks, ended, said)
    return StepFailed(
        known.message + (f" It said: {said}" if said else ""),
        code=known.culprit,
        where=run.step,
        suggestion=known.suggestion,
    )


def exit_code(tasks: list[JSON]) -> int | None:
    """Of the (one) task's last attempt; None when it never ran."""
    for task in tasks:
        result = task.get("lastAttemptResult")
        if result is not None:
            return int(result.get("exitCode", 0))
    return None


def _unknown(run: Run, code: int | None, tasks: list[JSON], ended: JSON, said: str) -> StepFailed:
    reason = _condition(tasks) or _condition([ended]) or "no reason given"
    what = f"with exit code {code}" if code is not None else "before it could run"
    return StepFailed(
        f"prepare ended {what}: {reason}" + (f" It said: {said}" if said else ""),
        code="prepare-failed",
        where=run.step,
        suggestion=_NEXT,
    )


def _condition(things: list[JSON]) -> str | None:
    failed = [
        condition["message"]
        for thing in things
        for condition in thing.get("conditions", [])
        if condition.get("state") == "CONDITION_FAILED" and condition.get("message")
    ]
    return failed[0] if failed else None


def _last_lines(run: Run, scope: Scope, execution: str) -> str:
    """The container's last words, when they have arrived; never a reason to fail."""
    job_filter = f'resource.type="cloud_run_job" AND labels."run.googleapis.com/execution_name"="{last(execution)}"'
    body = {
        "resourceNames": [scope.names.project_path],
        "filter": job_filter,
        "orderBy": "timestamp desc",
        "pageSize": _LINES,
    }
    try:
        answer = run.read(lambda: scope.clients.logging("entries.list", body=body))
    except CloudError:
        return ""
    texts = [str(entry.get("textPayload", "")).strip() for entry in answer.get("entries", [])]
    return " | ".join(text for text in reversed(texts) if text)[:500]
