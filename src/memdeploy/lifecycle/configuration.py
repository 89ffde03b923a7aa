"""What is wanted: the file's configuration or the journal's, with what flags and environment say laid over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from memdeploy.config.load import lay, override, validate
from memdeploy.config.model import Deployment, ModelProvider, Provider
from memdeploy.engine.step import Difference, Effect
from memdeploy.errors import JournalError, Refused, UsageError
from memdeploy.lifecycle.rehearsing import Stage
from memdeploy.lifecycle.request import Request
from memdeploy.memmachine import releases
from memdeploy.state.journal import DeploymentStatus, Journal

REHEARSAL_PROJECT = "memdeploy-rehearsal"
SERVICE = "service"
FIXED = ("embedding", "dimensions")
_DEPLOYED = frozenset({DeploymentStatus.READY, DeploymentStatus.RETAINED})
_UNFINDABLE = "stored memories have vectors of the old one and would no longer be found"


def wanted(request: Request, journal: Journal | None) -> Deployment:
    """Raises `UsageError` when nobody says enough, or a flag contradicts what the deployment is."""
    if journal is None:
        if request.deployment is None and _on_this_machine(request):
            return validate(lay({"provider": str(Provider.LOCAL)}, request.given), lambda path: path)
        if request.deployment is None:
            raise UsageError(
                "no provider is named",
                suggestion="Add --provider gcp or --provider local, or write one into memdeploy.yaml.",
            )
        return request.deployment
    if request.deployment is not None and request.from_file:
        return request.deployment
    return override(recorded(journal), request.given)


def _on_this_machine(request: Request) -> bool:
    """Somebody at a terminal who names nothing at all wants to try it here. A pipeline has to say where."""
    return request.interactive and not request.from_file and not request.rehearse


def recorded(journal: Journal) -> Deployment:
    """Raises `JournalError` for a configuration that this version does not know."""
    try:
        return Deployment.model_validate(journal.configuration)
    except ValidationError as error:
        path = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise JournalError(
            f"the journal of {journal.name} holds a configuration that this version cannot read ({path})",
            code="journal-configuration",
            where=path,
            suggestion="Use the version of memdeploy that wrote it, or a newer one.",
        ) from error


def settled(deployment: Deployment, journal: Journal | None, request: Request) -> Deployment:
    """With what nobody said decided, where that is decided only once: on this machine."""
    if deployment.provider is not Provider.LOCAL:
        return deployment
    from memdeploy.providers.local.settled import settle

    before, stands = (recorded(journal), SERVICE in journal.outputs()) if journal else (None, False)
    return settle(deployment, before, has_key=lambda wanted: "model_key" in request.secrets(wanted), stands=stands)


def staged(deployment: Deployment, stage: Stage) -> Deployment:
    """As it runs on this stage. In a rehearsal any project will do, networks live where the host has room, and without
    an endpoint of the user's own the offline model answers: there is no real one behind it."""
    if stage.target is None:
        return _complete(deployment)
    gcp = deployment.gcp.model_copy(update={"project": deployment.gcp.project or REHEARSAL_PROJECT})
    if stage.containers and gcp.network.space is None:
        gcp = gcp.model_copy(update={"network": gcp.network.model_copy(update={"space": stage.space})})
    model = deployment.model
    if model.base_url is None and model.key.secret is None:
        model = model.model_copy(update={"provider": ModelProvider.OFFLINE, "region": None, "api": None})
    return deployment.model_copy(update={"gcp": gcp, "model": model})


def identity(deployment: Deployment) -> dict[str, Any]:
    """What a deployment is, as against how it is: fixed at birth."""
    if deployment.provider is Provider.LOCAL:
        return {"runtime": str(deployment.local.runtime), "folder": deployment.local.folder}
    return {"project": deployment.gcp.project, "region": deployment.gcp.region}


def shared_identity(deployment: Deployment) -> dict[str, Any]:
    """What a project and region have in common. On this machine nothing is shared, whatever the runtime."""
    return {} if deployment.provider is Provider.LOCAL else identity(deployment)


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


def check_deployable(deployment: Deployment) -> None:
    """Raises `UsageError` or `Refused`, naming the nearest release that is supported."""
    releases.to_deploy(deployment.release)


def check_release(journal: Journal, deployment: Deployment) -> None:
    """Raises `Refused` for a release that stored memories would have to be moved to."""
    before = recorded(journal)
    if _settled(journal) and deployment.release != before.release:
        raise Refused(
            f"{journal.name} runs MemMachine {before.release}; {deployment.release} would be an upgrade",
            code="upgrade-needed",
            suggestion=f"`memdeploy upgrade --to {deployment.release}` does that, with a backup first; or set release"
            f" back to {before.release}.",
        )


def forbidden(journal: Journal, deployment: Deployment) -> tuple[Difference, ...]:
    """What stored memories depend on and this configuration would change under them. The provider of the same
    embedding model may be another."""
    if not _settled(journal):
        return ()
    before, wanted = recorded(journal).model, deployment.model
    pairs = {field: (getattr(before, field), getattr(wanted, field)) for field in FIXED}
    return tuple(
        Difference(f"model.{field}", have, want, Effect.FORBIDDEN, _UNFINDABLE)
        for field, (have, want) in pairs.items()
        if have != want
    )


def as_it_is(journal: Journal, deployment: Deployment) -> Deployment:
    """For commands that bring no configuration about: what is fixed as it was fixed, whatever a file says by now."""
    if not _settled(journal):
        return deployment
    before = recorded(journal)
    fixed = (*FIXED, "provider") if before.provider is Provider.LOCAL else FIXED
    model = deployment.model.model_copy(update={field: getattr(before.model, field) for field in fixed})
    return deployment.model_copy(update={"release": before.release, "model": model})


def _settled(journal: Journal) -> bool:
    """Memories may have been stored: it was up once, or its service stood when an `up` ended badly."""
    return journal.status in _DEPLOYED or SERVICE in journal.outputs()


def _complete(deployment: Deployment) -> Deployment:
    if deployment.provider is Provider.GCP and deployment.gcp.project is None:
        raise UsageError(
            "no Google Cloud project is named",
            suggestion="Add --project PROJECT, set MEMDEPLOY_GCP_PROJECT, or try it without an account: --rehearse.",
        )
    if deployment.model.provider is ModelProvider.OFFLINE and deployment.provider is not Provider.LOCAL:
        raise UsageError(
            "the offline model exists in rehearsals and local deployments only",
            where="model.provider",
            suggestion="Set model.provider to openai and name a key, or add --rehearse.",
        )
    return deployment
