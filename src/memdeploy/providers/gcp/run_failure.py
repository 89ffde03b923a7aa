"""Why a revision of the service does not serve: its own condition, and what its container said last."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from memdeploy.errors import StepFailed
from memdeploy.memmachine import exits
from memdeploy.providers.gcp import logs
from memdeploy.providers.gcp.last_words import Guarded, heard
from memdeploy.providers.gcp.run_container import JSON
from memdeploy.providers.gcp.scope import Scope
from memdeploy.suggestions import advise

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
    lines = heard(scope, guarded, logs.of_revision(scope, revision), "service", pause) if revision else ()
    culprit = _culprit(scope, lines)
    found = advise("\n".join(lines), reason)
    cause = culprit.message if culprit else found.says if found else ""
    error = StepFailed(
        f"{what}: the new revision did not start: {reason}" + (f" {cause}" if cause else ""),
        code=culprit.culprit if culprit else f"revision-{found.rule}" if found else "revision-failed",
        where=where,
        suggestion=culprit.suggestion if culprit else f"{found.suggestion}" if found else _SEE,
    )
    error.details = lines
    return error


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
