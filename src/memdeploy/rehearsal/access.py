"""May this member do that? Roles of bound members, on the resource or its project.

Whoever runs the client owns every project, but for what the world denies: `roles/owner` does not contain the right to
mint an account's tokens (https://cloud.google.com/iam/docs/service-account-permissions), so that must be granted.
Accounts of this cloud hold what policies give them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memdeploy.rehearsal.call import Cloud, Project
from memdeploy.rehearsal.policies import bound

# https://cloud.google.com/iam/docs/roles-permissions, only what the rules ask for
ROLES: Mapping[str, frozenset[str]] = {
    "roles/secretmanager.secretAccessor": frozenset({"secretmanager.versions.access"}),
    "roles/secretmanager.viewer": frozenset({"secretmanager.secrets.get", "secretmanager.versions.get"}),
    "roles/run.invoker": frozenset({"run.routes.invoke", "run.jobs.run"}),
    "roles/iam.serviceAccountUser": frozenset({"iam.serviceAccounts.actAs", "iam.serviceAccounts.get"}),
    "roles/iam.serviceAccountOpenIdTokenCreator": frozenset({"iam.serviceAccounts.getOpenIdToken"}),
    "roles/iam.serviceAccountTokenCreator": frozenset(
        {"iam.serviceAccounts.getOpenIdToken", "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.signBlob"}
    ),
    "roles/artifactregistry.reader": frozenset(
        {"artifactregistry.repositories.downloadArtifacts", "artifactregistry.repositories.get"}
    ),
    "roles/artifactregistry.writer": frozenset(
        {
            "artifactregistry.repositories.downloadArtifacts",
            "artifactregistry.repositories.get",
            "artifactregistry.repositories.uploadArtifacts",
        }
    ),
    "roles/logging.logWriter": frozenset({"logging.logEntries.create"}),
    "roles/cloudsql.client": frozenset({"cloudsql.instances.connect", "cloudsql.instances.get"}),
    "roles/storage.objectViewer": frozenset({"storage.objects.get", "storage.objects.list"}),
}
NOT_THE_OWNERS = frozenset(
    {"iam.serviceAccounts.getOpenIdToken", "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.signBlob"}
)


@dataclass(frozen=True)
class Target:
    service: str
    resource: str


def allows(cloud: Cloud, member: str, permission: str, project: Project, target: Target | None = None) -> bool:
    """Bindings on the target and on its project, those that count by now. The world's `deny` wins, and where it has an
    `allow`, that is all."""
    person = not member.startswith("serviceAccount:")
    if person and permission in project.denied:
        return False
    if person and permission not in NOT_THE_OWNERS:
        return project.allowed is None or permission in project.allowed
    places = [("cloudresourcemanager", f"projects/{project.id}")]
    if target is not None:
        places.insert(0, (target.service, target.resource))
    return any(_grants(role, permission) and _is(who, member) for place in places for role, who in bound(cloud, *place))


def _grants(role: str, permission: str) -> bool:
    if role == "roles/owner":
        return permission not in NOT_THE_OWNERS
    return permission in ROLES.get(role, frozenset())


def _is(bound_member: str, member: str) -> bool:
    return bound_member in (member, "allUsers", "allAuthenticatedUsers")
