"""`memdeploy status`: every step looked at, drift named, the service asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from memdeploy.engine.events import Sink
from memdeploy.engine.ledger import Status
from memdeploy.engine.step import Observed, State
from memdeploy.errors import ExitCode, MemdeployError, Unhealthy
from memdeploy.lifecycle.actions import change_entry
from memdeploy.lifecycle.plan import warned
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result, error_entry
from memdeploy.lifecycle.session import Session, look
from memdeploy.state.journal import DeploymentStatus


def status(request: Request, sink: Sink) -> Result:
    """Exit 7 when it should be serving and is not."""
    with look(request, sink) as session:
        observed = session.observe()
        outputs = {**session.outputs(), **{n: s.outputs for n, s in observed.items() if s.outputs is not None}}
        health = _health(session, outputs)
        data = {
            **session.header(),
            "status": session.journal.status,
            "steps": _steps(session, observed),
            "health": health["health"],
            **_details(session, outputs, health),
            **warned(session),
        }
        broken = [why for why in _broken(session, observed, outputs) if why is not None]
        if broken:
            return Result("status", "error", ExitCode.UNHEALTHY, data, [error_entry(why) for why in broken])
        if health["health"] != "unhealthy":
            return Result("status", "success", ExitCode.DONE, data)
        error = Unhealthy(
            f"{session.journal.name} does not answer as it should: {health['reason']}",
            suggestion="`memdeploy verify` says what fails; `memdeploy up` repairs what differs.",
        )
        return Result("status", "error", ExitCode.UNHEALTHY, data, [error_entry(error)])


def _broken(
    session: Session, observed: Mapping[str, Observed], outputs: Mapping[str, Mapping[str, Any]]
) -> list[MemdeployError | None]:
    """What `up` would say of it now: the condition, its last lines, advice."""
    names = [name for name, seen in observed.items() if seen.state is State.BROKEN]
    return [session.cloud.why(name, outputs) for name in names]


_AT_REST: Mapping[str, str] = {
    DeploymentStatus.RETAINED: "only the data is kept; `memdeploy up` brings the service back",
    DeploymentStatus.LEFTOVERS: "destroyed, but the cloud still holds some of it; `memdeploy destroy --finish` later",
}


def _health(session: Session, outputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    reason = _AT_REST.get(session.journal.status)
    return {"health": "unknown", "reason": reason} if reason else session.cloud.health(outputs)


def _steps(session: Session, observed: Mapping[str, Observed]) -> list[dict[str, Any]]:
    return [_entry(session, name, seen) for name, seen in observed.items()]


def _entry(session: Session, name: str, seen: Observed) -> dict[str, Any]:
    kept = session.journal.record(name).status is Status.KEPT and seen.state in (State.PRESENT, State.DIFFERENT)
    entry: dict[str, Any] = {"name": name, "state": "kept" if kept else str(seen.state)}
    if seen.reason and seen.state is not State.ABSENT:
        entry["reason"] = seen.reason
    if seen.differences and not kept:
        entry["changes"] = [change_entry(difference) for difference in seen.differences]
    return entry


def _details(session: Session, outputs: Mapping[str, Mapping[str, Any]], health: Mapping[str, Any]) -> dict[str, Any]:
    known = {
        "url": outputs.get("service", {}).get("uri"),
        "version": health.get("version"),
        "reason": health.get("reason"),
        "access": str(session.deployment.service.access),
        "image": outputs.get("image", {}).get("reference"),
        "certificate": _certificate(outputs.get("secret.tls", {}).get("not_after"), session.clock.now()),
    }
    return {name: value for name, value in known.items() if value is not None}


def _certificate(not_after: str | None, now: float) -> dict[str, Any] | None:
    """`not_after` in ISO 8601."""
    if not_after is None:
        return None
    left = datetime.fromisoformat(not_after) - datetime.fromtimestamp(now, UTC)
    return {"not_after": not_after, "days_left": left.days}
