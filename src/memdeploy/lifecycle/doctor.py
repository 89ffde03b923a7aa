"""`memdeploy doctor`: everything that could keep `up` from its end, before it begins. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memdeploy.engine.events import Sink
from memdeploy.engine.graph import Graph
from memdeploy.engine.step import State
from memdeploy.errors import CloudError, ExitCode, MemdeployError, Refused
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result, error_entry
from memdeploy.lifecycle.session import Session, look
from memdeploy.providers.base import Finding, Verdict


def doctor(request: Request, sink: Sink) -> Result:
    """Exit 3 when a check FAILED."""
    with look(request, sink, may_create=True) as session:
        if request.print_role:
            role = session.cloud.role()
            shown = {"permissions": list(role.permissions), "text": role.text, "how": role.how}
            return Result("doctor", "success", ExitCode.DONE, {**session.header(), "role": shown})
        found = [*_journal(session), *_findings(session)]
        data = {**session.header(), "checks": [finding.to_json() for finding in found]}
        wrong = [finding for finding in found if finding.verdict is Verdict.FAILED]
        if wrong:
            return Result("doctor", "error", ExitCode.REFUSED, data, [_entry(finding) for finding in wrong])
        return Result("doctor", "success", ExitCode.DONE, data)


def _journal(session: Session) -> Sequence[Finding]:
    """Whether another run is at work. An unreadable journal has ended the command before, with exit 6."""
    name = session.journal.name
    if not session.deployments.has(name):
        return [Finding("journal", Verdict.PASSED, f"there is none of {name} yet; {session.deployments.root}")]
    holder = session.deployments.open(name).leases().holder()
    if holder is None:
        return [Finding("journal", Verdict.PASSED, f"no other run changes {name}; {session.deployments.root}")]
    text = f"{name} is being changed by {holder.describe()}"
    return [Finding("journal", Verdict.WARNING, text, "locked", "Wait for it to end (`up --wait` waits).")]


def _findings(session: Session) -> list[Finding]:
    step = session.cloud.doctor(check_model=session.request.check_model)
    ran = session.reader(Graph([step])).ensure()
    if ran.error is not None:
        raise ran.error
    outputs: Mapping[str, Any] = ran.step(step.name).outputs or {}
    found = [Finding.from_json(one) for one in outputs["findings"]]
    if any(finding.verdict is Verdict.FAILED for finding in found):
        return found  # without them the steps cannot be looked at
    return [*found, *_names(session)]


def _names(session: Session) -> Sequence[Finding]:
    """Names that somebody else has taken. What has our name and not our marker is never touched."""
    try:
        observed = session.observe()
    except (CloudError, Refused) as error:
        return [Finding("names", Verdict.WARNING, error.message, "not-readable", error.suggestion)]
    taken = [(name, seen) for name, seen in observed.items() if seen.state is State.FOREIGN]
    if not taken:
        return [Finding("names", Verdict.PASSED, "no name that we use is taken")]
    remedy = "Remove or rename it, or choose another deployment name with --name."
    return [
        Finding("names", Verdict.FAILED, seen.reason or f"{name} exists and is not ours", "foreign", remedy)
        for name, seen in taken
    ]


def _entry(finding: Finding) -> dict[str, Any]:
    error: MemdeployError = Refused(finding.text, code=finding.code, where=finding.check, suggestion=finding.remedy)
    return error_entry(error)
