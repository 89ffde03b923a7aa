"""Google's APIs that a deployment calls, switched on; never switched off.

https://cloud.google.com/service-usage/docs/reference/rest/v1/services
"""

from __future__ import annotations

from collections.abc import Sequence

from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Run, State
from memdeploy.errors import ErrorKind, Refused
from memdeploy.providers.gcp import errors, operations
from memdeploy.providers.gcp.api_states import APIS, states
from memdeploy.providers.gcp.checks.project import billing_off
from memdeploy.providers.gcp.preflight import check
from memdeploy.providers.gcp.scope import Scope

ASKING = frozenset({f"{name}.googleapis.com" for name in ("cloudbilling", "cloudresourcemanager", "compute")})
"""Without these preflight could not ask for everything."""
_NO_BILLING = "UREQ_PROJECT_BILLING_NOT_FOUND"
AT_ONCE = 20  # batchEnable's limit


class Apis:
    """Enabled when Service Usage says so. The first calls may still answer SERVICE_DISABLED for a few minutes: the
    runner repeats those, and only those, where they happen."""

    kind = "serviceusage.services"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def describe(self) -> str:
        return f"Google's APIs of project {self.scope.project}"

    def probe(self, run: Run) -> Observed:
        off = run.read(lambda: states(self.scope))["off"]
        if not off:
            return Observed(State.PRESENT, outputs={"enabled": list(APIS)})
        if len(off) == len(APIS) or run.outputs is None:
            return Observed(State.ABSENT)
        changes = tuple(Difference(name, "disabled", "enabled", Effect.IN_PLACE) for name in off)
        return Observed(State.DIFFERENT, changes, outputs={"enabled": list(APIS)})

    def ensure(self, run: Run) -> Outputs:
        off = run.read(lambda: states(self.scope))["off"]
        try:
            for start in range(0, len(off), AT_ONCE):
                self._enable(run, off[start : start + AT_ONCE])
        except Exception as raised:
            raise _told(raised, self.scope.project, run.step) from raised
        if ASKING & set(off):  # nothing but APIs has been changed yet: the last moment to refuse
            check(self.scope, run, fresh=True)
        run.apply({"enabled": list(APIS)})
        return {"enabled": list(APIS)}

    def remove(self, run: Run) -> None:
        """Something else may use them: never switched off."""

    def _enable(self, run: Run, names: Sequence[str]) -> None:
        run.progress(f"{len(names)} to enable")
        run.change(
            "batchEnable",
            f"{self.scope.names.project_path}/services ({names[0]}, …)",
            lambda intent: self.scope.clients.serviceusage(
                "services.batchEnable", parent=self.scope.names.project_path, body={"serviceIds": list(names)}
            ),
            operation=lambda answer: operations.of("serviceusage", answer),
            timeout=900.0,
        )


def _told(raised: Exception, project: str, step: str) -> Exception:
    """Without a billing account not even the API that tells of billing goes on.
    https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchEnable"""
    error = errors.classify(raised)
    if error is not None and error.kind is ErrorKind.PERMISSION:  # nothing was changed, and nothing will be
        return Refused(error.message, code="permissions-missing", where=step, suggestion=error.suggestion)
    if error is None or error.reason != _NO_BILLING:
        return raised
    finding = billing_off(project)
    return Refused(finding.text, code=finding.code, where=step, suggestion=finding.remedy)
