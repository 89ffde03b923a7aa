"""The checks as steps: `up` refuses for what failed, `doctor` tells all."""

from __future__ import annotations

from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.errors import Refused
from memdeploy.providers.base import Finding, Verdict
from memdeploy.providers.local.containers import checks
from memdeploy.providers.local.scope import Scope


class Preflight:
    """Outputs: none. Raises `Refused` for all that failed at once."""

    kind = "local.enginePreflight"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def probe(self, run: Run) -> Observed:
        return Observed(State.ABSENT)

    def ensure(self, run: Run) -> Outputs:
        wrong = [one for one in self._findings(run) if one.verdict is Verdict.FAILED]
        if wrong:
            raise Refused.for_all(
                [Refused(one.text, code=one.code, where=one.check, suggestion=one.remedy) for one in wrong]
            )
        return {}

    def remove(self, run: Run) -> None:
        """It leaves nothing behind."""

    def _findings(self, run: Run) -> list[Finding]:
        return run.read(lambda: checks.every(checks.facts(self.scope)))


class Doctor(Preflight):
    """Outputs: `findings`. An engine that does not answer is one."""

    kind = "local.engineDoctor"

    def ensure(self, run: Run) -> Outputs:
        try:
            found = self._findings(run)
        except Refused as error:
            found = [Finding("engine", Verdict.FAILED, error.message, error.code, error.suggestion)]
        return {"findings": [one.to_json() for one in found]}
