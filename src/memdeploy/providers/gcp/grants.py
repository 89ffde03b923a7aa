"""Who may do what on which thing: `iam.Grants` of this provider's resources, rebuilt from two words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from memdeploy.providers.gcp.iam import Grants, PolicyAccess, discovery_access, gapic_access
from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.scope import Scope

ACCESS_SECRET = "roles/secretmanager.secretAccessor"  # noqa: S105
READ_IMAGES = "roles/artifactregistry.reader"
WRITE_IMAGES = "roles/artifactregistry.writer"
WRITE_LOGS = "roles/logging.logWriter"
CONNECT_SQL = "roles/cloudsql.client"
MINT_ID_TOKENS = "roles/iam.serviceAccountOpenIdTokenCreator"


def _secret(scope: Scope, name: str) -> PolicyAccess:
    path = name if "/" in name else scope.names.secret(name)
    return gapic_access(scope.clients.secrets, path, f"secret {last(path)}")


def _repository(scope: Scope, name: str) -> PolicyAccess:
    return discovery_access(
        scope.clients.artifactregistry,
        "projects.locations.repositories",
        scope.names.repository(name),
        f"image repository {name}",
    )


def _project(scope: Scope, name: str) -> PolicyAccess:
    path = f"projects/{name}"
    return discovery_access(scope.clients.cloudresourcemanager, "projects", path, f"project {name}", body_on_get=True)


def _account(scope: Scope, name: str) -> PolicyAccess:
    path = scope.names.account(name)
    return discovery_access(scope.clients.iam, "projects.serviceAccounts", path, f"service account {name}")


_ON: Mapping[str, Callable[[Scope, str], PolicyAccess]] = {
    "secret": _secret,
    "repository": _repository,
    "project": _project,
    "account": _account,
}


class ResourceGrants(Grants):
    """`on`: secret, repository, project or account; `name`: its short name, id or e-mail address."""

    def __init__(self, scope: Scope, on: str, name: str) -> None:
        super().__init__(_ON[on](scope, name))
