"""Why a revision of the service does not serve: its own condition, and what its container said last."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from memdeploy.errors import StepFailed
from memdeploy.memmachine import exits
from memdeploy.providers.base import LogLine
from memdeploy.providers.gcp import errors, logs
from memdeploy.providers.gcp.run_container import JSON
from memdeploy.providers.gcp.scope import Scope
from memdeploy.suggestions import advise

Guarded = Callable[[Callable[[], Sequence[LogLine]]], Sequence[LogLine]]
"""`run.read`, or what calls through."""
SHOWN = 10
_LOOKS = 5
_SEE = "`memdeploy logs service` shows what it said; put the cause right and run `memdeploy up` again."


def condition(live: JSON, revision: JSON | None) -> str:
    """The longest of the revision's failed conditions: the others repeat it shortly."""
    failed = [c for c in (revision or {}).get("conditions", []) if c.get("state") == "CONDITION_FAILED"]
    texts = [c["message"] for c in failed if c.get("message")]
    return max(texts, key=len) if texts else str(live.get("terminalCondition", {}).get("message", "no reason given"))


def explained(
    scope: Scope,
    guarded: Guarded,
    what: str,
    reason: str,
    revision: str,
    where: str,
    pause: Callable[[], None] | None = None,
) -> StepFailed:
    """What the container names as the culprit counts most, then its lines by the table of suggestions, then the
    condition itself. `pause` waits a little between looks for lines that have not arrived yet."""
    lines = _patiently(scope, guarded, revision, pause) if revision else ()
    culprit = _culprit(scope, lines)
    found = advise("\n".join(lines), reason)
    cause = culprit.message if culprit else found.says if found else ""
    error = StepFailed(
        f"{what}: the new revision did not start: {reason}" + (f" {cause}" if cause else ""),
        code=culprit.culprit if culprit else f"revision-{found.rule}" if found else "revision-failed",
        where=where,
        suggestion=culprit.suggestion if culprit else f"{found.suggestion}" if found else _SEE,
    )
    error.details = tuple(lines)
    return error


def _patiently(scope: Scope, guarded: Guarded, revision: str, pause: Callable[[], None] | None) -> Sequence[str]:
    """Lines can be read some seconds after they were written; without `pause` one look has to do."""
    lines = _said(scope, guarded, revision)
    for _ in range(_LOOKS if pause else 0):
        if lines or pause is None:
            break
        pause()
        lines = _said(scope, guarded, revision)
    return lines


def _said(scope: Scope, guarded: Guarded, revision: str) -> Sequence[str]:
    """Nothing when the lines may not be read: the condition is told all the same."""
    try:
        found = guarded(lambda: logs.entries(scope, logs.of_revision(scope, revision), SHOWN, "service"))
    except Exception as raised:
        if errors.classify(raised) is None:
            raise
        return ()
    return tuple(line.text for line in found)


def _culprit(scope: Scope, lines: Sequence[str]) -> exits.Culprit | None:
    """Our image's last line is JSON: {"ok": false, "culprit": …, "code": …}."""
    for line in reversed(lines):
        if line.startswith('{"ok"'):
            try:
                said = json.loads(line)
                return None if said["ok"] else exits.culprit(int(said["code"]), scope.context.docker_files)
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                continue
    return None
