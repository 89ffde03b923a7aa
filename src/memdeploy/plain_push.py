"""From the engine's store into a registry on loopback without compressing: a push spends most of its time in gzip,
which on loopback saves nothing. Layers are stored as the plain tars that the image's configuration names by digest
(https://distribution.github.io/distribution/spec/manifest-v2-2/), so an engine that has the image pulls nothing.

Knows nothing of memdeploy; both who pushes and who plays the cloud may use it.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator
from typing import IO, Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar"
CHUNK = 1 << 20
SECONDS = 120


class NotPlain(Exception):
    """The engine keeps this image's layers in another form: push it the ordinary way."""


def on_loopback(repository: str) -> bool:
    """By its address: `127.0.0.1:5000/a/b`."""
    return repository.startswith("127.0.0.1:")


def upload(image: Any, repository: str, tag: str) -> str:
    """`image` of the engine as `repository:tag` (the host included); the manifest's digest.

    requests' errors say what the registry refused.
    """
    host, _, name = repository.partition("/")
    with tempfile.TemporaryFile() as saved:
        for chunk in image.save(chunk_size=CHUNK):
            saved.write(chunk)
        saved.seek(0)
        with tarfile.open(fileobj=saved) as archive:
            return Upload(host, name).send(archive, tag)


class Upload:
    """Into one repository of a registry."""

    def __init__(self, host: str, repository: str) -> None:
        import requests

        self._http = requests.Session()
        self._host = f"http://{host}"
        self._base = f"{self._host}/v2/{repository}"

    def send(self, archive: tarfile.TarFile, tag: str) -> str:
        listed = json.loads(_read(archive, "manifest.json"))[0]
        config = _read(archive, listed["Config"])
        digests = json.loads(config)["rootfs"]["diff_ids"]
        layers = [self._layer(archive, *pair) for pair in zip(listed["Layers"], digests, strict=True)]
        own = self._blob(_digest(config), config, len(config))
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, **own},
            "layers": [{"mediaType": LAYER, **layer} for layer in layers],
        }
        body = json.dumps(manifest).encode()
        url = f"{self._base}/manifests/{tag}"
        self._http.put(url, body, headers={"Content-Type": MANIFEST}, timeout=SECONDS).raise_for_status()
        return _digest(body)

    def _layer(self, archive: tarfile.TarFile, path: str, digest: str) -> dict[str, Any]:
        source, size = _open(archive, path)
        start = source.read(2)
        source.seek(0)
        if start == b"\x1f\x8b":
            raise NotPlain(path)
        return self._blob(digest, source, size)

    def _blob(self, digest: str, body: Any, size: int) -> dict[str, Any]:
        """Sends it unless the registry has it; its place in a manifest."""
        if not self._http.head(f"{self._base}/blobs/{digest}", timeout=SECONDS).ok:
            begun = self._http.post(f"{self._base}/blobs/uploads/", timeout=SECONDS)
            begun.raise_for_status()
            place = begun.headers["Location"]
            url = f"{place if place.startswith('http') else self._host + place}"
            sent = _sized(body, size)
            headers = {"Content-Type": "application/octet-stream"}
            self._http.put(url, sent, params={"digest": digest}, headers=headers, timeout=SECONDS).raise_for_status()
        return {"size": size, "digest": digest}


class _Sized:
    """A stream whose length is known, so that it is sent as it is and not in chunks."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while data := self._stream.read(CHUNK):
            yield data

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)


def _sized(body: Any, size: int) -> Any:
    return body if isinstance(body, bytes) else _Sized(body, size)


def _open(archive: tarfile.TarFile, path: str) -> tuple[IO[bytes], int]:
    """A member, or what it links to: layers that are alike are stored once."""
    source = archive.extractfile(path)
    if source is None:
        raise NotPlain(path)
    source.seek(0, 2)
    size = source.tell()
    source.seek(0)
    return source, size


def _read(archive: tarfile.TarFile, path: str) -> bytes:
    return _open(archive, path)[0].read()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
