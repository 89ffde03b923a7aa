"""The service's address, and who may call it: the verifier always, others as the configuration says. Added, never taken
from anybody. Before all else, because it takes minutes until a grant counts: see `front`."""

from __future__ import annotations

from typing import Any

from memdeploy.config.model import Access as Mode
from memdeploy.config.model import Deployment
from memdeploy.engine.step import Outputs, Run, Unknown, unknowns
from memdeploy.providers.gcp import iam
from memdeploy.providers.gcp.front import Front
from memdeploy.providers.gcp.scope import Scope

INVOKER = "roles/run.invoker"
WARNING = (
    "access is public-unauthenticated: anybody on the Internet can read, store and delete memories and spend your "
    "model's budget without limit; /mcp, /docs and /metrics are open too. MemMachine itself has no authentication."
)


class Access(iam.Grants):
    """Inputs: `image` and `account` (of the service), `verifier` (email). Outputs: `members` (role -> members).

    With `public-unauthenticated` the service itself does not ask (its `invokerIamDisabled`): an organisation that
    forbids `allUsers` allows that. https://cloud.google.com/run/docs/authenticating/public
    """

    kind = "run.access"

    def __init__(self, scope: Scope, *, name: str) -> None:
        self.scope = scope
        self.front = Front(scope, name)
        super().__init__(iam.gapic_access(scope.clients.run_services, self.front.path, f"Cloud Run service {name}"))

    def ensure(self, run: Run) -> Outputs:
        self.front.make(run)
        return super().ensure(run)

    def remove(self, run: Run) -> None:
        super().remove(run)
        self.front.remove(run)

    def _wanted(self, run: Run) -> tuple[dict[str, list[str]], list[Unknown]]:
        verifier = run.inputs.get("verifier")
        return {INVOKER: invokers(self.scope.deployment, verifier)}, unknowns(verifier)


def invokers(deployment: Deployment, verifier: Any) -> list[str]:
    """Sorted members; the verifier is left out while it is not known."""
    own = {f"serviceAccount:{verifier}"} if isinstance(verifier, str) else set()
    given = deployment.service.invokers if deployment.service.access is Mode.INVOKERS else ()
    return sorted({*own, *given})


def warning(deployment: Deployment) -> str | None:
    """What the user must be told before `up`, and by `status`."""
    return WARNING if deployment.service.access is Mode.PUBLIC_UNAUTHENTICATED else None
