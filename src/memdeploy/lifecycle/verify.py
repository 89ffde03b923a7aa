"""`memdeploy verify`: a memory stored, found and removed again, on what runs now; with --data every memory counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memdeploy.engine.events import Sink
from memdeploy.engine.step import Observed, State
from memdeploy.errors import ExitCode, NoSuchDeployment
from memdeploy.lifecycle.outcome import error_of
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Outcome, Result, error_entry
from memdeploy.lifecycle.session import Session, look

STEP = "verify"


@dataclass(frozen=True)
class Proved:
    """`data`: `verified`, `seconds` and `checks` when it succeeded."""

    data: Mapping[str, Any]
    code: ExitCode = ExitCode.DONE
    errors: Sequence[Mapping[str, Any]] = ()

    @property
    def status(self) -> Outcome:
        return "error" if self.errors else "success"


def verify(request: Request, sink: Sink) -> Result:
    """Exit 7 when it fails. Changes nothing but the memory that it stores and removes, and with --repair what is half
    stored."""
    if request.data:
        from memdeploy.lifecycle.verify_data import verify_data

        return verify_data(request, sink)
    with look(request, sink) as session:
        url = service_url(session)
        session.begin(session.graph.only([STEP]))
        proved = prove(session)
        return Result(
            "verify", proved.status, proved.code, {**session.header(), "url": url, **proved.data}, proved.errors
        )


def service_url(session: Session) -> str:
    """Raises `NoSuchDeployment` when there is no service."""
    uri = session.outputs().get("service", {}).get("uri")
    if not uri:
        raise NoSuchDeployment(
            f"{session.journal.name} has no service to verify", suggestion="`memdeploy up` makes it."
        )
    return str(uri)


def prove(session: Session) -> Proved:
    """The step `verify` alone, all others taken as they are journalled."""
    found = session.reader().ensure(_as_journalled(session))
    step = next((s for s in found.steps if s.name == STEP), None)
    error = error_of(found, "verify")
    if error is not None:
        return Proved({}, ExitCode(error.exit_code), [error_entry(error)])
    outputs = (step.outputs if step else None) or {}
    seconds = step.seconds if step else 0.0
    return Proved({"verified": outputs["verified"], "seconds": seconds, "checks": _checks(outputs)})


def _as_journalled(session: Session) -> dict[str, Observed]:
    """All steps taken as they were recorded, so that only the transient ones run."""
    outputs = session.outputs()
    return {
        step.name: Observed(State.PRESENT, outputs=outputs.get(step.name, {}))
        for step in session.graph
        if not step.transient
    }


def _checks(outputs: Mapping[str, Any]) -> list[dict[str, object]]:
    return [{"name": name, "ok": True, "seconds": taken} for name, taken in outputs.get("seconds", {}).items()]
