"""What is wanted: the file's configuration or the journal's, with what flags and environment say laid over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.config.load import override
from memdeploy.config.model import Deployment, ModelProvider, Provider
from memdeploy.errors import Refused, UsageError
from memdeploy.lifecycle.rehearsing import Stage
from memdeploy.lifecycle.request import Request
from memdeploy.state.journal import DeploymentStatus, Journal

REHEARSAL_PROJECT = "memdeploy-rehearsal"
_DEPLOYED = frozenset({DeploymentStatus.READY, DeploymentStatus.RETAINED})


def wanted(request: Request, journal: Journal | None) -> Deployment:
    """Raises `UsageError` when nobody says enough, or a flag contradicts what the deployment is."""
    if journal is None:
        if request.deployment is None:
            raise UsageError(
                "no provider is named",
                suggestion="Add --provider gcp, or write `provider: gcp` into memdeploy.yaml.",
            )
        return request.deployment
    if request.deployment is not None and request.from_file:
        return request.deployment
    return override(recorded(journal), request.given)


def recorded(journal: Journal) -> Deployment:
    return Deployment.model_validate(journal.configuration)


def staged(deployment: Deployment, stage: Stage) -> Deployment:
    """As it runs on this stage. In a rehearsal any project will do, networks live where the host has room, and without
    an endpoint of the user's own the offline model answers: there is no real one behind it."""
    if stage.target is None:
        return _complete(deployment)
    gcp = deployment.gcp.model_copy(update={"project": deployment.gcp.project or REHEARSAL_PROJECT})
    if stage.containers and gcp.network.space is None:
        gcp = gcp.model_copy(update={"network": gcp.network.model_copy(update={"space": stage.space})})
    model = deployment.model
    if model.provider is ModelProvider.OPENAI and model.base_url is None and model.key.secret is None:
        model = model.model_copy(update={"provider": ModelProvider.OFFLINE})
    return deployment.model_copy(update={"gcp": gcp, "model": model})


def identity(deployment: Deployment) -> dict[str, Any]:
    """What a deployment is, as against how it is: fixed at birth."""
    return {"project": deployment.gcp.project, "region": deployment.gcp.region}


def check_identity(journal: Journal, deployment: Deployment) -> None:
    """Raises `UsageError`, naming what contradicts the journal."""
    have: Mapping[str, Any] = {"provider": journal.provider, **journal.identity}
    want = {"provider": str(deployment.provider), **identity(deployment)}
    for what, value in want.items():
        if have.get(what) != value:
            raise UsageError(
                f"deployment {journal.name} is in {what} {have.get(what)}, not {value}",
                code="identity",
                where=what,
                suggestion="Leave that out of the line or the file, or choose another name with --name.",
            )


def check_fixed(journal: Journal, deployment: Deployment) -> None:
    """What stored memories depend on cannot change under them. Raises `Refused`."""
    if journal.status not in _DEPLOYED:
        return
    before = recorded(journal)
    if deployment.release != before.release:
        raise Refused(
            f"{journal.name} runs MemMachine {before.release}; {deployment.release} would be an upgrade",
            code="upgrade-needed",
            suggestion=f"Set release back to {before.release}: upgrades come with a later version of memdeploy.",
        )
    for field in ("embedding", "dimensions"):
        have, want = getattr(before.model, field), getattr(deployment.model, field)
        if have != want:
            raise Refused(
                f"model.{field} cannot change from {have} to {want}: stored memories would no longer be found",
                code="forbidden-change",
                suggestion=f"Set it back to {have}, or deploy under another name.",
            )


def _complete(deployment: Deployment) -> Deployment:
    if deployment.provider is Provider.GCP and deployment.gcp.project is None:
        raise UsageError(
            "no Google Cloud project is named",
            suggestion="Add --project PROJECT, set MEMDEPLOY_GCP_PROJECT, or try it without an account: --rehearse.",
        )
    if deployment.model.provider is ModelProvider.OFFLINE:
        raise UsageError(
            "the offline model exists in rehearsals only",
            where="model.provider",
            suggestion="Set model.provider to openai and name a key, or add --rehearse.",
        )
    return deployment
