"""The loopback registry: where images of a rehearsal are pushed to and pulled from by digest.

Its address is part of image names that journals keep, so the port is drawn once and then stands in the container's
labels. dockerd takes 127.0.0.0/8 as insecure by itself: no TLS, no configuration.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence
from typing import Any

from memdeploy.plain_push import NotPlain, upload
from memdeploy.rehearsal.backing import images
from memdeploy.rehearsal.backing.engine import BackingError, Engine, remove
from memdeploy.rehearsal.backing.images import Background, Images
from memdeploy.rehearsal.backing.protocol import Progress

KEY = "registry"
LISTEN = 5000
MANIFESTS = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
    )
)


class Registry:
    def __init__(self, engine: Engine, available: Images, background: Background) -> None:
        self._engine = engine
        self._images = available
        self._background = background
        self._address = ""

    def address(self) -> str:
        """`127.0.0.1:PORT`; starts the registry when it does not run."""
        with self._engine.lock(KEY):
            if self._address:
                return self._address
            found = self._engine.finished(KEY, KEY) or self._create()
            if found.status != "running":
                found.start()
            address = f"127.0.0.1:{found.labels['memdeploy.port']}"
            _await_answer(address)
            self._address = address
            return address

    def forget(self) -> None:
        """It was removed: the next one has another port."""
        self._address = ""

    def remove(self) -> None:
        with self._engine.lock(KEY):
            found = self._engine.container(KEY, KEY)
            if found is not None:
                remove_images(self._engine, found.labels["memdeploy.port"])
                remove(found)
            self._engine.volume_remove(KEY, KEY)
            self.forget()

    def _create(self) -> Any:
        self._images.fetch(images.REGISTRY)
        port = _free_port()
        data = self._engine.volume(KEY, KEY)
        return self._engine.client.containers.create(
            images.REGISTRY,
            name=self._engine.name(KEY, KEY),
            labels=self._engine.labels(KEY, KEY, port=str(port)),
            ports={f"{LISTEN}/tcp": ("127.0.0.1", port)},
            volumes={data: {"bind": "/var/lib/registry", "mode": "rw"}},
            environment={"REGISTRY_HTTP_RELATIVEURLS": "true", "REGISTRY_STORAGE_DELETE_ENABLED": "true"},
            security_opt=["no-new-privileges"],
            restart_policy={"Name": "on-failure"},
        )

    def digest(self, reference: str) -> str | None:
        """`sha256:…` of what a name in this registry stands for; None: no such image."""
        import requests

        name, _, tag = split(reference)
        host, _, repository = name.partition("/")
        url = f"http://{host}/v2/{repository}/manifests/{tag}"
        try:
            answer = requests.head(url, headers={"Accept": MANIFESTS}, timeout=10)
        except requests.RequestException:
            return None
        return answer.headers.get("Docker-Content-Digest") if answer.ok else None

    def owns(self, reference: str) -> bool:
        return reference.startswith(f"{self.address()}/")

    def push(self, reference: str) -> str:
        """Makes a local image part of this registry; its digest. The engine then knows the image by it too."""
        import requests

        name, _, tag = split(reference)
        try:
            upload(self._engine.client.images.get(reference), name, tag)
        except (NotPlain, requests.RequestException):
            self._push(name, tag)
        self._engine.client.images.pull(name, tag=tag)
        digest = self.digest(reference)
        if digest is None:
            raise BackingError(f"push of {reference}: the registry does not have it afterwards")
        return digest

    def _push(self, name: str, tag: str) -> None:
        """The engine's own way."""
        for line in self._engine.client.images.push(name, tag=tag, stream=True, decode=True):
            if "error" in line:
                raise BackingError(f"push of {name}:{tag}: {line['error']}")

    def pull(self, reference: str) -> Any:
        """The image: ours always by way of the registry, others from the engine's own store when they are there."""
        if self.owns(reference) or not images.present(self._engine.client, reference):
            self._engine.client.images.pull(reference)
        return self._engine.client.images.get(reference)

    def hub(self, prefix: str, names: Sequence[str]) -> Progress:
        """Images of the public hub below a remote repository's name, as a pull-through would have them."""
        looks = [self._mirror(hub_name(prefix, name), name) for name in names]
        failed = next((look for look in looks if look.error), None)
        return failed or Progress(done=all(look.done for look in looks))

    def _mirror(self, target: str, source: str) -> Progress:
        def work() -> None:
            self._images.fetch(source)
            name, _, tag = split(target)
            self._engine.client.images.get(source).tag(name, tag)
            self.push(target)

        return self._background.progress(f"hub image {source}", lambda: self.digest(target) is not None, work)


def _await_answer(address: str) -> None:
    """A registry takes connections within a second of its container's start; clients are told of it only then."""
    import requests

    for _ in range(150):
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"http://{address}/v2/", timeout=5).ok:
                return
        threading.Event().wait(0.1)
    raise BackingError(f"the loopback registry at {address} does not answer")


def hub_name(prefix: str, image: str) -> str:
    """`neo4j:5.26` -> `<prefix>/library/neo4j:5.26`; names with an owner keep it."""
    return f"{prefix}/{image}" if "/" in image else f"{prefix}/library/{image}"


def split(reference: str) -> tuple[str, str, str]:
    """`host:5000/a/b:tag` -> (`host:5000/a/b`, `:`, `tag`); a digest likewise with `@`; no tag: `latest`."""
    name, at, digest = reference.partition("@")
    if at:
        return name, at, digest
    name, colon, tag = reference.rpartition(":")
    if colon and "/" not in tag:
        return name, colon, tag
    return reference, ":", "latest"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def remove_images(engine: Engine, port: str) -> None:
    """The names that point into this registry. Layers that the engine keeps as build cache stay."""
    prefix = f"127.0.0.1:{port}/"
    for image in engine.client.images.list():
        names = [*image.tags, *(image.attrs.get("RepoDigests") or [])]
        for name in names:
            if name.startswith(prefix):
                _untag(engine, name)


def _untag(engine: Engine, name: str) -> None:
    from docker.errors import APIError

    try:
        engine.client.images.remove(name, noprune=True)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise
