"""The backing's registry, asked over HTTP. It is on this machine and answers at once."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_TIMEOUT = 10.0


def ask(registry: str, verb: str, path: str, accept: str = ACCEPT) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers (lower case) and body. OSError when it does not answer."""
    connection = http.client.HTTPConnection(registry, timeout=_TIMEOUT)
    try:
        connection.request(verb, path, headers={"Accept": accept})
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def digest(registry: str, name: str, reference: str) -> str | None:
    """Of a manifest by tag or digest; None when there is none."""
    status, headers, _ = ask(registry, "HEAD", f"/v2/{name}/manifests/{reference}")
    return headers.get("docker-content-digest") if status == 200 else None


def tags(registry: str, name: str) -> list[str]:
    status, _, body = ask(registry, "GET", f"/v2/{name}/tags/list", "application/json")
    return list(json.loads(body).get("tags") or []) if status == 200 else []


def names(registry: str, prefix: str) -> list[str]:
    """Repositories of the registry below `prefix`."""
    status, _, body = ask(registry, "GET", "/v2/_catalog?n=10000", "application/json")
    found = json.loads(body).get("repositories") or [] if status == 200 else []
    return [name for name in found if name.startswith(prefix)]


def delete(registry: str, name: str, reference: str) -> None:
    """Best effort: a registry may have deletion switched off."""
    ask(registry, "DELETE", f"/v2/{name}/manifests/{reference}")
