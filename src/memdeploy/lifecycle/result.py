"""What a command found or did, as plain JSON. `report` renders it; `--json` prints it in its envelope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from memdeploy.errors import ExitCode, MemdeployError, Refused
from memdeploy.suggestions import advise

Outcome = Literal["success", "partial", "error"]


@dataclass(frozen=True)
class Result:
    """`data` by command (all values plain JSON, never a secret; a key that does not apply is left out). Published, and
    complete, in docs/cli-output.schema.json:

    - all: `deployment`, `provider`, `target` (`gcp acme-prod-1/europe-west1`), `release`, `profile`,
      `rehearsal` (false, or its id)
    - plan: `actions`: [{step, action (create|change|replace|remove|orphan|kept|unchanged|may-change|foreign|
      unreadable), changes: [{path, old, new, effect}], depends_on: [step], reason, cost_per_month (of what stays and
      is configured no more)}], `counts` {create, change, remove, unchanged, may_change}, `pending` (bool: `up` has
      something to do), `seconds` (usual), `cost_per_month` (USD)
    - up: `url`, `steps` [{name, status, seconds, attempts}], `seconds`, `resumed`, `verified` (real|simulated),
      `pending` [text], `cost_per_month`, `access`, `plan` (plan's data) when nothing was done because nobody said yes
    - status: `status` (the journal's), `health` (healthy|unhealthy|unknown), `reason`, `steps` [{name, state, reason,
      changes}], `url`, `certificate` {not_after, days_left}, `image`, `access`
    - verify: `url`, `verified`, `seconds`, `checks` [{name, ok, seconds, detail}]
    - outputs: `outputs` {name: value}
    - destroy: `removed` [step], `kept` [{step, what, cost_per_month, reason}], `backups` [{what, where, expires}],
      `leftovers` [{what, reason, until}], `finish` (command to run later)
    - logs: `component`, `lines` [{id, at, component, level, text}], `reason` (why there may be none)
    - doctor: `checks` [{check, verdict (passed|warning|failed), code, text, remedy}], or with --print-role `role`
      {permissions [text], text, how}

    `errors`: [{code, step, message, suggestion, retryable}], see `error_entry`; `details`: the last lines of a log.
    """

    command: str
    status: Outcome
    exit_code: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[Mapping[str, Any]] = ()


def error_entries(error: MemdeployError) -> list[dict[str, Any]]:
    """The entries of `Result.errors`: one, or one a cause where there are several."""
    causes = error.causes if isinstance(error, Refused) and error.causes else (error,)
    return [error_entry(cause) for cause in causes]


def error_entry(error: MemdeployError) -> dict[str, Any]:
    """One entry of `Result.errors`. Where nobody knew what to do about it, the table of suggestions may."""
    found = advise(error.message) if error.suggestion is None else None
    entry = {
        "code": error.code,
        "step": error.where,
        "message": error.message,
        "suggestion": found.suggestion if found else error.suggestion,
        "retryable": error.retryable,
    }
    return {**entry, "details": list(error.details)} if error.details else entry


def failure(command: str, error: MemdeployError, data: Mapping[str, Any] | None = None) -> Result:
    """The result of a command that ended with `error`."""
    return Result(command, "error", int(ExitCode(error.exit_code)), dict(data or {}), error_entries(error))
