"""`memdeploy list`: all deployments of a state folder, from their journals alone."""

from __future__ import annotations

from typing import Any

from memdeploy.errors import ExitCode
from memdeploy.lifecycle import where
from memdeploy.lifecycle.result import Result, error_entry
from memdeploy.state.deployments import Listed


def listing(state: str | None, now: float) -> Result:
    """Exit 6 when a journal could not be read: the others are listed all the same. `now`: seconds since the epoch."""
    found = where.deployments(state)
    listed = found.list()
    errors = [error_entry(one.error) for one in listed if one.error is not None]
    data = {"root": str(found.root), "deployments": [_entry(one, now) for one in listed]}
    if errors:
        return Result("list", "partial", ExitCode.JOURNAL, data, errors)
    return Result("list", "success", ExitCode.DONE, data)


def _entry(one: Listed, now: float) -> dict[str, Any]:
    if one.journal is None:
        return {"deployment": one.name, "status": "unreadable"}
    url = one.journal.outputs().get("service", {}).get("uri")
    entry = {
        **where.header(one.journal),
        "status": str(one.journal.status),
        "created": one.journal.created,
        "age": max(0.0, round(now - one.journal.updated, 1)),
    }
    return {**entry, "url": url} if url else entry
