"""The step before all others, and `memdeploy doctor`'s."""

from __future__ import annotations

from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.errors import MemdeployError, Refused
from memdeploy.providers.base import Finding, Verdict
from memdeploy.providers.local.embedded import checks
from memdeploy.providers.local.scope import Scope


class Preflight:
    """A transient step: runs each time, changes nothing, refuses once for all that failed."""

    kind = "embedded.preflight"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def probe(self, run: Run) -> Observed:
        return Observed(State.PRESENT, outputs=self.ensure(run))

    def ensure(self, run: Run) -> Outputs:
        wrong = checks.failures(run.read(lambda: checks.examine(self.scope)))
        causes: list[MemdeployError] = [
            Refused(finding.text, code=finding.code, where=run.step, suggestion=finding.remedy) for finding in wrong
        ]
        if causes:
            raise Refused.for_all(causes)
        return {}

    def remove(self, run: Run) -> None:
        """Nothing was made."""


class Doctor:
    """The same, never failing. Outputs: `findings`."""

    kind = "embedded.doctor"

    def __init__(self, scope: Scope, *, check_model: bool) -> None:
        self.scope = scope
        self.check_model = check_model

    def probe(self, run: Run) -> Observed:
        return Observed(State.PRESENT, outputs=self.ensure(run))

    def ensure(self, run: Run) -> Outputs:
        found = run.read(lambda: checks.examine(self.scope))
        if self.check_model:
            text = "the model itself is asked by `up`, before MemMachine is started"
            found.append(Finding("model", Verdict.WARNING, text, "not-asked"))
        return {"findings": [finding.to_json() for finding in found]}

    def remove(self, run: Run) -> None:
        """Nothing was made."""
