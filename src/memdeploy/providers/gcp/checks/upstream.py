"""MemMachine's own image, where the configuration wants that and no other."""

from __future__ import annotations

from collections.abc import Iterable

from memdeploy.config.model import ImageSource
from memdeploy.errors import CloudError
from memdeploy.memmachine import releases
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp.checks.facts import Facts, failed, not_asked, passed, warning

HUB = "https://hub.docker.com"


def tag(facts: Facts) -> Iterable[Finding]:
    """Asked of the hub itself: the remote repository does not stand yet. What was built stays, whatever the hub says.
    https://docs.docker.com/reference/api/hub/latest/operations/headV2NamespacesByNamespaceRepositoriesByRepositoryTagsByTag/
    """
    if facts.scope.deployment.image.source is not ImageSource.UPSTREAM or "image" in facts.scope.context.records:
        return
    release = releases.find(facts.scope.deployment.release)
    clients = facts.scope.clients
    base = f"{clients.rehearsal.endpoint}/hub" if clients.rehearsal else HUB
    space, _, name = release.upstream_repository.partition("/")
    url = f"{base}/v2/namespaces/{space}/repositories/{name}/tags/{release.upstream_tag}"
    found = facts.ask_stranger(lambda: clients.http().head(url, timeout=20).status_code)
    if isinstance(found, CloudError):
        yield not_asked("image", found)
    elif found == 404:
        yield failed(
            "image", "no-upstream-image", f"the hub has no image {release.upstream_image}",
            "Use image.source: auto (or pypi), which builds the same layout from PyPI.",
        )  # fmt: skip
    elif found == 200:
        yield passed("image", f"the hub has {release.upstream_image}")
    else:
        yield warning("image", "not-readable", f"the hub does not tell of {release.upstream_image} (HTTP {found})")
