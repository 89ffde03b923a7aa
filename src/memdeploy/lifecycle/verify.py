"""`memdeploy verify`: a memory stored, found and removed again, on what runs now."""

from __future__ import annotations

from memdeploy.engine.events import Sink
from memdeploy.engine.step import Observed, State
from memdeploy.errors import ExitCode, NoSuchDeployment
from memdeploy.lifecycle.outcome import error_of
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result, error_entry
from memdeploy.lifecycle.session import Session, look

STEP = "verify"


def verify(request: Request, sink: Sink) -> Result:
    """Exit 7 when it fails. Changes nothing but the memory that it stores and removes."""
    with look(request, sink) as session:
        outputs = session.outputs()
        if not outputs.get("service", {}).get("uri"):
            raise NoSuchDeployment(
                f"{session.journal.name} has no service to verify", suggestion="`memdeploy up` makes it."
            )
        graph = session.graph
        session.begin(graph.only([STEP]))
        found = session.reader().ensure(_as_journalled(session))
        step = next((s for s in found.steps if s.name == STEP), None)
        error = error_of(found, "verify")
        data = {**session.header(), "url": outputs["service"]["uri"]}
        if step is not None and step.outputs:
            data |= {"verified": step.outputs["verified"], "seconds": step.seconds, "checks": _checks(step.outputs)}
        if error is not None:
            return Result("verify", "error", ExitCode(error.exit_code), data, [error_entry(error)])
        return Result("verify", "success", ExitCode.DONE, data)


def _as_journalled(session: Session) -> dict[str, Observed]:
    """All steps taken as they were recorded, so that only the transient ones run."""
    outputs = session.outputs()
    return {
        step.name: Observed(State.PRESENT, outputs=outputs.get(step.name, {}))
        for step in session.graph
        if not step.transient
    }


def _checks(outputs: object) -> list[dict[str, object]]:
    seconds = outputs.get("seconds", {}) if isinstance(outputs, dict) else {}
    return [{"name": name, "ok": True, "seconds": taken} for name, taken in seconds.items()]
