"""Why an execution failed: its task's exit code by the image's own table. Logs only add to that: they arrive late."""

from __future__ import annotations

from memdeploy.engine.step import Run
from memdeploy.errors import StepFailed
from memdeploy.memmachine import exits
from memdeploy.providers.gcp import logs
from memdeploy.providers.gcp.last_words import heard
from memdeploy.providers.gcp.run_container import JSON
from memdeploy.providers.gcp.scope import Scope
from memdeploy.suggestions import advise

_NEXT = "Put the cause right and run `memdeploy up` again."
_PAUSE = 2.0  # seconds between looks for lines that have not arrived yet
VAGUE = frozenset({"memmachine", "tables", "postgres-refused", "neo4j-refused", "model-refused", "defect"})
"""Culprits that name a place but no cause: what the container said may tell it."""


def explain(run: Run, scope: Scope, execution: str, tasks: list[JSON], ended: JSON) -> StepFailed:
    """`code` is the culprit's word (`postgres-password`, …): stable, for programs. `details`: the last lines."""
    code = exit_code(tasks)
    lines = heard(scope, run.read, logs.of_execution(execution), "prepare", lambda: run.clock.sleep(_PAUSE))
    known = exits.culprit(code, scope.context.docker_files) if code is not None else None
    found = advise("\n".join(lines)) if known is None or known.culprit in VAGUE else None
    says = known.message if known else _untold(code, tasks, ended)
    error = StepFailed(
        f"{says} {found.says}" if found else says,
        code=known.culprit if known else "prepare-failed",
        where=run.step,
        suggestion=found.suggestion if found else known.suggestion if known else _NEXT,
    )
    error.details = lines
    return error


def exit_code(tasks: list[JSON]) -> int | None:
    """Of the (one) task's last attempt; None when it never ran."""
    for task in tasks:
        result = task.get("lastAttemptResult")
        if result is not None:
            return int(result.get("exitCode", 0))
    return None


def _untold(code: int | None, tasks: list[JSON], ended: JSON) -> str:
    reason = _condition(tasks) or _condition([ended]) or "no reason given"
    what = f"with exit code {code}" if code is not None else "before it could run"
    return f"prepare ended {what}: {reason}"


def _condition(things: list[JSON]) -> str | None:
    failed = [
        condition["message"]
        for thing in things
        for condition in thing.get("conditions", [])
        if condition.get("state") == "CONDITION_FAILED" and condition.get("message")
    ]
    return failed[0] if failed else None
