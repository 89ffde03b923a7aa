"""Google's APIs that a deployment calls, switched on; never switched off.

https://cloud.google.com/service-usage/docs/reference/rest/v1/services
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Run, State
from memdeploy.errors import Refused
from memdeploy.providers.gcp import operations, permissions
from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.scope import Scope

APIS: tuple[str, ...] = tuple(
    f"{name}.googleapis.com"
    for name in (
        "artifactregistry",
        "cloudbilling",
        "cloudbuild",
        "cloudresourcemanager",
        "compute",
        "iam",
        "iamcredentials",
        "logging",
        "run",
        "secretmanager",
        "servicenetworking",
        "serviceusage",
        "sqladmin",
    )
)
ASKING = "cloudresourcemanager"  # without it preflight could not ask for permissions
AT_ONCE = 20  # batchEnable's limit; batchGet takes 30


def states(scope: Scope) -> dict[str, Any]:
    """`{"number": project's number or None, "off": [names]}`, for use inside `run.read`. Answers name the project by
    its number, so this also tells the number while Cloud Resource Manager is still off."""
    parent = scope.names.project_path
    answer = scope.clients.serviceusage(
        "services.batchGet", parent=parent, names=[f"{parent}/services/{name}" for name in APIS]
    )
    services = answer.get("services", [])
    on = {last(s["name"]) for s in services if s.get("state") == "ENABLED"}
    numbers = [str(s["name"]).split("/")[1] for s in services if str(s["name"]).split("/")[1].isdigit()]
    return {"number": numbers[0] if numbers else None, "off": [name for name in APIS if name not in on]}


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
        for start in range(0, len(off), AT_ONCE):
            self._enable(run, off[start : start + AT_ONCE])
        if f"{ASKING}.googleapis.com" in off:
            self._check_permissions(run)
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

    def _check_permissions(self, run: Run) -> None:
        """Preflight could not ask while Cloud Resource Manager was off; nothing but APIs has been changed yet."""
        lacking = run.read(lambda: permissions.missing(self.scope, permissions.required(self.scope.deployment)))
        if lacking:
            finding = permissions.lacking(self.scope, lacking)
            raise Refused(finding.text, code=finding.code, where=run.step, suggestion=finding.remedy)
