"""`memdeploy status --cached`: what the journal remembers. Asks nobody, so it is quick and may be out of date."""

from __future__ import annotations

from memdeploy.errors import ExitCode
from memdeploy.lifecycle import naming, where
from memdeploy.lifecycle.result import Result


def cached(state: str | None, name: str | None, now: float) -> Result:
    """`now`: seconds since the epoch. Raises like `naming.choose`."""
    deployments = where.deployments(state)
    journal = naming.required(naming.choose(name, deployments, may_create=False), deployments)
    outputs = journal.outputs()
    data = {
        **where.header(journal),
        "status": str(journal.status),
        "health": "unknown",
        "cached": {"age": max(0.0, round(now - journal.updated, 1)), "at": journal.updated},
        "steps": [{"name": record.name, "state": str(record.status)} for record in journal.steps.values()],
        "url": outputs.get("service", {}).get("uri"),
        "image": outputs.get("image", {}).get("reference"),
        "access": journal.configuration.get("service", {}).get("access"),
    }
    return Result("status", "success", ExitCode.DONE, {key: value for key, value in data.items() if value is not None})
