"""The project: whether it is there, billed, its APIs on, and whether the caller holds the permissions."""

from __future__ import annotations

from collections.abc import Iterable

from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp import api_states, errors, permissions
from memdeploy.providers.gcp.checks.facts import Facts, failed, not_asked, passed, warning
from memdeploy.providers.gcp.names import last


def project(facts: Facts) -> Iterable[Finding]:
    """Sets `number` and `off`. Somebody else's project answers 403, as one that does not exist does."""
    scope = facts.scope
    found = facts.ask(lambda: api_states.states(scope))
    if not isinstance(found, CloudError):
        facts.number = found["number"] or _number(facts)
        facts.off = frozenset(found["off"])
        yield passed("project", f"{scope.project}, number {facts.number or 'unknown'}")
        return
    facts.off = frozenset(api_states.APIS)
    if found.kind is ErrorKind.UNAUTHENTICATED:
        yield failed("credentials", "credentials-refused", found.message, found.suggestion or errors.LOGIN)
    elif found.kind is ErrorKind.NOT_ENABLED:
        yield failed(
            "project", "service-usage-off", "the Service Usage API, which switches the others on, is itself off",
            f"Run `gcloud services enable serviceusage.googleapis.com --project {scope.project}`.",
        )  # fmt: skip
    else:
        yield failed(
            "project", "project-not-found",
            f"project {scope.project} does not exist, or these credentials may not see it ({found.message})",
            "Check the project's id (not its name or number) and the account that you are signed in with.",
        )  # fmt: skip


def _number(facts: Facts) -> str | None:
    clients, path = facts.scope.clients, facts.scope.names.project_path
    found = facts.ask(lambda: clients.cloudresourcemanager("projects.get", name=path))
    return None if isinstance(found, CloudError) else last(found["name"])


def billing(facts: Facts) -> Iterable[Finding]:
    """Somebody without the right to look at billing may still deploy."""
    if not facts.on("cloudbilling"):
        yield warning("billing", "not-readable", "the Cloud Billing API is off: cannot be asked before `up`")
        return
    clients, scope = facts.scope.clients, facts.scope
    found = facts.ask(lambda: clients.cloudbilling("projects.getBillingInfo", name=scope.names.project_path))
    if isinstance(found, CloudError):
        yield not_asked("billing", found)
    elif found.get("billingEnabled"):
        yield passed("billing", "on")
    else:
        yield billing_off(scope.project)


def billing_off(project: str) -> Finding:
    return failed(
        "billing", "billing-off", f"project {project} has no billing account",
        f"Link one at https://console.cloud.google.com/billing/linkedaccount?project={project}.",
    )  # fmt: skip


def services(facts: Facts) -> Iterable[Finding]:
    """An API that is off is switched on by `up`: that is its first change, and permissions are asked right after it
    where they could not be asked before."""
    for name in api_states.APIS:
        short = name.partition(".")[0]
        if facts.on(short):
            yield passed(f"api.{short}", "on")
        else:
            yield warning(f"api.{short}", "api-off", f"{name} is off; `up` switches it on")


def held(facts: Facts) -> Iterable[Finding]:
    """The set difference of what is needed and what testIamPermissions says is held."""
    if not facts.on("cloudresourcemanager"):
        yield warning(
            "permissions", "not-readable",
            "the Cloud Resource Manager API is off: `up` switches the APIs on, asks, and changes nothing else before",
            f"Run `gcloud services enable cloudresourcemanager.googleapis.com --project {facts.scope.project}` to know"
            " it beforehand.",
        )  # fmt: skip
        return
    wanted = permissions.required(facts.scope)
    found = facts.ask(lambda: permissions.missing(facts.scope, wanted))
    if isinstance(found, CloudError):
        yield failed(
            "permissions", "permissions-unknown", f"the permissions could not be asked for ({found.message})",
            found.suggestion or "Try again.",
        )  # fmt: skip
    elif found:
        yield permissions.lacking(facts.scope, found)
    else:
        yield passed("permissions", f"all {len(wanted)} are held")
