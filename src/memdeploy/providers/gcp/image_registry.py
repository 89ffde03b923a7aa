"""Tags and digests in a registry: one HEAD on `/v2/…/manifests`, on the host that the repository itself names.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#checking-if-content-exists-in-the-registry
"""

from __future__ import annotations

import ipaddress

from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.gcp.clients import Clients
from memdeploy.secret import Secret

_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_KINDS = {
    401: ErrorKind.UNAUTHENTICATED,
    403: ErrorKind.PERMISSION,
    429: ErrorKind.RATE_LIMIT,
}


def digest(clients: Clients, repository: str, reference: str) -> str | None:
    """`sha256:…` that a tag (or digest) of `HOST/PATH` points to; None when there is none. For use inside `read`."""
    url = manifest_url(repository, reference)
    token = login(clients, repository)
    headers = {"Accept": _ACCEPT, **({"Authorization": f"Bearer {token.reveal()}"} if token else {})}
    answer = clients.http().head(url, headers=headers, allow_redirects=False)
    if answer.status_code == 404:
        return None
    if answer.status_code != 200:
        kind = _KINDS.get(answer.status_code, ErrorKind.UNAVAILABLE if answer.status_code >= 500 else ErrorKind.UNKNOWN)
        raise CloudError(
            f"the registry does not show {repository}:{reference} (HTTP {answer.status_code})",
            kind=kind,
            service="artifactregistry",
            status=answer.status_code,
        )
    found: str | None = answer.headers.get("Docker-Content-Digest")
    if not found:
        raise CloudError(f"the registry names no digest of {repository}:{reference}", kind=ErrorKind.UNKNOWN)
    return found


def manifest_url(repository: str, reference: str) -> str:
    """Unencrypted on loopback only: a rehearsal's registry."""
    host, _, path = repository.partition("/")
    return f"{'http' if is_loopback(host) else 'https'}://{host}/v2/{path}/manifests/{reference}"


def is_loopback(host: str) -> bool:
    name = host.rsplit(":", 1)[0]
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def login(clients: Clients, image: str) -> Secret | None:
    """Our token, which opens the whole project, goes to Artifact Registry only, whatever host an image names; a
    rehearsal's asks for none. https://cloud.google.com/artifact-registry/docs/docker/names"""
    ours = clients.rehearsal is None and image.partition("/")[0].endswith("-docker.pkg.dev")
    return clients.access_token() if ours else None
