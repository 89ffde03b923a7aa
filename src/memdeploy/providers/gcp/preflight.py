"""The step that comes before all others: reads only, collects all findings, then refuses once, with remedies."""

from __future__ import annotations

from collections.abc import Sequence

from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.errors import MemdeployError, Refused
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp.checks.all import examine, failures
from memdeploy.providers.gcp.checks.facts import Facts
from memdeploy.providers.gcp.scope import Scope


class Preflight:
    """A transient step: runs each time, changes nothing. Outputs: `project_number`, `caller` (IAM member)."""

    kind = "preflight"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def probe(self, run: Run) -> Observed:
        return Observed(State.PRESENT, outputs=self.ensure(run))

    def ensure(self, run: Run) -> Outputs:
        facts = check(self.scope, run)
        return {"project_number": facts.number, "caller": facts.caller}

    def remove(self, run: Run) -> None:
        """Nothing was made."""

    def summary(self, outputs: Outputs) -> str:
        return f"project {outputs['project_number']}, as {outputs['caller']}"


class Doctor:
    """The same checks and more, for `memdeploy doctor`: never fails. Outputs: `findings`."""

    kind = "doctor"

    def __init__(self, scope: Scope, *, check_model: bool) -> None:
        self.scope = scope
        self.check_model = check_model

    def probe(self, run: Run) -> Observed:
        return Observed(State.PRESENT, outputs=self.ensure(run))

    def ensure(self, run: Run) -> Outputs:
        found = examine(Facts(self.scope, run, thorough=True, check_model=self.check_model))
        return {"findings": [finding.to_json() for finding in found]}

    def remove(self, run: Run) -> None:
        """Nothing was made."""


def check(scope: Scope, run: Run, *, fresh: bool = False) -> Facts:
    """Raises `Refused` for all that FAILED. `fresh`: APIs were switched on just now."""
    facts = Facts(scope, run, fresh=fresh)
    wrong = failures(examine(facts))
    if wrong:
        raise refusal(wrong, run.step)
    return facts


def refusal(findings: Sequence[Finding], step: str) -> Refused:
    causes: list[MemdeployError] = [
        Refused(finding.text, code=finding.code, where=step, suggestion=finding.remedy) for finding in findings
    ]
    return Refused.for_all(causes)
