"""Which images there are: what was built or pushed, and what the public hub has behind a remote repository.

An image's name is `<registry host>/<location>/<project>/<repository>/<package>` with `:tag` or `@digest`; all but the
last part is the repository's `registryUri`. The host is the backing's loopback registry, or the rehearsal itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from memdeploy.rehearsal import loopback, moved
from memdeploy.rehearsal.call import Cloud, stamp
from memdeploy.rehearsal.manifests import Manifest, manifest
from memdeploy.rehearsal.store import Row

SERVICE = "artifactregistry"
_NAME = re.compile(
    r"(?P<location>[a-z0-9-]+)/(?P<project>[a-z0-9-]+)/(?P<repository>[a-z0-9.-]+)/(?P<package>[a-z0-9._/-]+?)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)

_PKG_DEV = "-docker.pkg.dev"
# gcr.io is served by repositories of these names, where a project has them; nothing makes them at a push.
# https://cloud.google.com/artifact-registry/docs/transition/gcr-repositories
GCR = {"gcr.io": "us", "us.gcr.io": "us", "eu.gcr.io": "europe", "asia.gcr.io": "asia"}


@dataclass(frozen=True)
class Image:
    location: str
    project: str
    repository: str
    package: str
    tag: str | None = None
    digest: str | None = None

    @property
    def repository_name(self) -> str:
        return f"projects/{self.project}/locations/{self.location}/repositories/{self.repository}"

    @property
    def package_name(self) -> str:
        """Slashes in a package are escaped (discovery document, Package.name)."""
        return f"{self.repository_name}/packages/{self.package.replace('/', '%2F')}"

    @property
    def path(self) -> str:
        return f"{self.location}/{self.project}/{self.repository}/{self.package}"

    @property
    def reference(self) -> str:
        return self.digest or self.tag or "latest"


def host(cloud: Cloud) -> str:
    """`127.0.0.1:PORT`: where image names point."""
    return cloud.backing.registry() or urlsplit(cloud.endpoint).netloc


def is_ours(cloud: Cloud, first: str) -> bool:
    """Whether a name that begins like this points here, or did before the rehearsal was served somewhere else."""
    return first == host(cloud) or first in moved.former(cloud)


def registry_uri(cloud: Cloud, repository: str) -> str:
    """Of `projects/p/locations/l/repositories/r`."""
    _, project, _, location, _, name = repository.split("/")
    return f"{host(cloud)}/{location}/{project}/{name}"


def parse(cloud: Cloud, name: str) -> Image | None:
    """None when the name does not point to this cloud's registry, by the rehearsal's own address or by Google's."""
    first, _, rest = name.partition("/")
    if is_ours(cloud, first):
        return parse_path(rest)
    if first.endswith(_PKG_DEV):
        return parse_path(f"{first.removesuffix(_PKG_DEV)}/{rest}")
    if first in GCR:
        project, _, package = rest.partition("/")
        return parse_path(f"{GCR[first]}/{project}/{first}/{package}")
    return None


def parse_path(path: str) -> Image | None:
    match = _NAME.fullmatch(path)
    return Image(**match.groupdict()) if match else None


def find(cloud: Cloud, image: Image) -> Manifest | None:
    """The image's manifest, of a rehearsal whose registry is its own."""
    repository = cloud.store.get(SERVICE, image.repository_name)
    if repository is None:
        return None
    if repository.body.get("mode") == "REMOTE_REPOSITORY":
        return _from_hub(cloud, image)
    digest = image.digest
    if digest is None:
        tag = cloud.store.get(SERVICE, f"{image.package_name}/tags/{image.reference}")
        digest = tag.body["version"].rsplit("/", 1)[-1] if tag else None
    version = cloud.store.get(SERVICE, f"{image.package_name}/versions/{digest}") if digest else None
    return Manifest(version.hidden["manifest"], version.hidden["config"]) if version else None


def digest_of(cloud: Cloud, name: str) -> str | None:
    """What the name points to now; None: no such image."""
    image = parse(cloud, name)
    if image is None:
        return _digest_on_hub(cloud, name)
    if cloud.backing.registry():
        return loopback.digest(host(cloud), image.path, image.reference)
    found = find(cloud, image)
    return found.digest if found else None


def record(cloud: Cloud, image: Image, digest: str, kept: Manifest | None = None) -> None:
    """Makes package, version and tag of an image that was pushed. `kept` without a registry to ask later."""
    now, version = stamp(cloud.now), f"{image.package_name}/versions/{digest}"
    package = {"name": image.package_name, "createTime": now, "updateTime": now}
    cloud.store.put(Row(SERVICE, "Package", image.package_name, package), cloud.now)
    hidden = {"manifest": kept.text, "config": kept.config} if kept else {}
    body = {"name": version, "createTime": now, "updateTime": now}
    cloud.store.put(Row(SERVICE, "Version", version, body, hidden), cloud.now)
    if image.tag or not image.digest:
        tag = f"{image.package_name}/tags/{image.tag or 'latest'}"
        cloud.store.put(Row(SERVICE, "Tag", tag, {"name": tag, "version": version}), cloud.now)


def _from_hub(cloud: Cloud, image: Image) -> Manifest | None:
    return _of_hub(cloud, image.package, image.digest, image.reference)


def _digest_on_hub(cloud: Cloud, name: str) -> str | None:
    """Cloud Run takes public images of Docker Hub too. https://cloud.google.com/run/docs/deploying#images"""
    bare = name.removeprefix("docker.io/")
    if ("." in bare.partition("/")[0] or ":" in bare.partition("/")[0]) and "/" in bare:
        return None
    rest, _, digest = bare.partition("@")
    package, _, tag = rest.partition(":")
    found = _of_hub(cloud, package, digest or None, tag or "latest")
    return found.digest if found else None


def _of_hub(cloud: Cloud, package: str, digest: str | None, tag: str) -> Manifest | None:
    """Official images answer under `library/` and without it, as in a Docker Hub remote repository."""
    short = package.removeprefix("library/")
    for known in cloud.hub:
        name, _, its = known.partition(":")
        if name != short:
            continue
        found = manifest(f"hub:{known}")
        if digest == found.digest or (digest is None and (its or "latest") == tag):
            return found
    return None
