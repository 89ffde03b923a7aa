"""What whoever runs memdeploy must be allowed to do, as IAM permissions; and the question whether it is.

https://cloud.google.com/iam/docs/permissions-reference
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from memdeploy.config.model import Deployment
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.base import Finding, Role, Verdict
from memdeploy.providers.gcp import errors
from memdeploy.providers.gcp.scope import Scope

_BY_RESOURCE = {
    "artifactregistry.packages": "delete get list",
    "artifactregistry.repositories": "create delete downloadArtifacts get getIamPolicy setIamPolicy uploadArtifacts",
    "cloudbuild.builds": "create get list",
    "cloudsql.databases": "create get",
    "cloudsql.instances": "create delete get listServerCas update",
    "cloudsql.users": "create get update",
    "compute.addresses": "createInternal deleteInternal get useInternal",
    "compute.disks": "addResourcePolicies create createSnapshot delete get resize setLabels use",
    "compute.firewalls": "create delete get update",
    "compute.globalAddresses": "createInternal deleteInternal get",
    "compute.globalOperations": "get",
    "compute.instances": "create delete get getGuestAttributes setDeletionProtection setLabels setMachineType"
    " setMetadata setServiceAccount start stop",
    "compute.machineTypes": "get",
    "compute.networks": "create delete get removePeering updatePolicy use",
    "compute.regionOperations": "get",
    "compute.regions": "get",
    "compute.resourcePolicies": "create delete get update use",
    "compute.snapshots": "create get setLabels",
    "compute.subnetworks": "create delete get list setPrivateIpGoogleAccess use",
    "compute.zoneOperations": "get",
    "iam.serviceAccounts": "actAs create delete enable get getIamPolicy setIamPolicy update",
    "logging.logEntries": "list",
    "resourcemanager.projects": "get getIamPolicy setIamPolicy",
    "run.executions": "get",
    "run.jobs": "create delete get run update",
    "run.operations": "get",
    "run.revisions": "get",
    "run.services": "create delete get getIamPolicy setIamPolicy update",
    "run.tasks": "list",
    "secretmanager.secrets": "create delete get getIamPolicy setIamPolicy update",
    "secretmanager.versions": "access add get list",
    "servicenetworking.operations": "get",
    "servicenetworking.services": "addPeering deleteConnection get",
    "serviceusage.operations": "get",
    "serviceusage.services": "enable get use",
}
REQUIRED: tuple[str, ...] = tuple(
    f"{resource}.{verb}" for resource, verbs in _BY_RESOURCE.items() for verb in verbs.split()
)
_AT_ONCE = 100  # https://cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions
_NAMED = re.compile(r"[Pp]ermission '?([a-z]+\.[A-Za-z]+\.[A-Za-z]+)'? is not valid")


def required(deployment: Deployment) -> tuple[str, ...]:
    """In the order of the alphabet, for this configuration."""
    return tuple(sorted(REQUIRED))


def role(scope: Scope) -> Role:
    """https://cloud.google.com/iam/docs/creating-custom-roles"""
    names = required(scope.deployment)
    lines = [
        "title: memdeploy",
        "description: What memdeploy needs to deploy, update and destroy MemMachine",
        "stage: GA",
        "includedPermissions:",
        *(f"- {name}" for name in names),
    ]
    how = f"gcloud iam roles create memdeploy --project {scope.project} --file role.yaml"
    return Role(names, "\n".join(lines) + "\n", how)


def lacking(scope: Scope, names: Iterable[str]) -> Finding:
    return Finding(
        "permissions", Verdict.FAILED,
        f"permissions are missing on project {scope.project}: {shortened(names)}", "permissions-missing",
        "Ask an owner of the project for a role that holds them: `memdeploy doctor --print-role` prints the least"
        " (roles/owner holds them all).",
    )  # fmt: skip


def missing(scope: Scope, wanted: Sequence[str]) -> list[str]:
    """What of `wanted` the caller does not hold on the project, for use inside `run.read`."""
    held: set[str] = set()
    asked: list[str] = []
    for start in range(0, len(wanted), _AT_ONCE):
        part = list(wanted[start : start + _AT_ONCE])
        held |= _held(lambda names: _ask(scope, names), part)
        asked += part
    return sorted(set(asked) - held)


def _ask(scope: Scope, names: list[str]) -> set[str]:
    """The subset that is held; the answer has no key at all when it is none."""
    answer = scope.clients.cloudresourcemanager(
        "projects.testIamPermissions", resource=scope.names.project_path, body={"permissions": names}
    )
    return set(answer.get("permissions", []))


def _held(ask: Callable[[list[str]], set[str]], names: list[str]) -> set[str]:
    """One name that Google does not know (any more) fails the whole question: such a name is left out, and no reason
    to refuse."""
    unknown: set[str] = set()
    while True:
        try:
            return ask([name for name in names if name not in unknown]) | unknown
        except Exception as raised:
            name = _unknown_name(errors.classify(raised))
            if name is None or name in unknown or name not in names:
                raise
            unknown.add(name)


def _unknown_name(error: CloudError | None) -> str | None:
    found = _NAMED.search(error.message) if error is not None and error.kind is ErrorKind.INVALID else None
    return found.group(1) if found else None


def shortened(names: Iterable[str]) -> str:
    """`run.services.{create,delete}, …`: few lines for many names."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        resource, _, verb = name.rpartition(".")
        groups.setdefault(resource, []).append(verb)
    return ", ".join(f"{r}.{v[0]}" if len(v) == 1 else f"{r}.{{{','.join(v)}}}" for r, v in groups.items())
