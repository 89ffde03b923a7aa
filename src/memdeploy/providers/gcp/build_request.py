"""A Cloud Build build of the container, without a bucket: the few files travel inside the steps' arguments. Pure.

https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds
"""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

CHUNK = 7900  # https://cloud.google.com/build/quotas: an argument has at most 10,000 characters; room for the rest
BUILDER = "gcr.io/cloud-builders/docker"
TIMEOUT = "1800s"
_PACKED, _CONTEXT = "/workspace/context.b64", "/workspace/context"


def build_body(
    *, image: str, arguments: Mapping[str, str], files: Mapping[str, bytes], account: str, tags: tuple[str, ...]
) -> dict[str, Any]:
    """`image` is `HOST/PATH:TAG`; `arguments` are build arguments; `account` a service account's full name."""
    options = [text for name, value in sorted(arguments.items()) for text in ("--build-arg", f"{name}={value}")]
    build = {"id": "build", "name": BUILDER, "args": ["build", *options, "-t", image, _CONTEXT]}
    return {
        "steps": [*_unpacking(files), build],
        "images": [image],
        "tags": list(tags),
        "serviceAccount": account,
        "options": {"logging": "CLOUD_LOGGING_ONLY"},
        "timeout": TIMEOUT,
    }


def _unpacking(files: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
    """Steps without a single `$`: Cloud Build would take it for one of its substitutions."""
    packed = base64.b64encode(pack(files)).decode()
    for start in range(0, len(packed), CHUNK):
        yield _shell(f"printf %s {packed[start : start + CHUNK]} >> {_PACKED}")
    yield _shell(f"mkdir -p {_CONTEXT} && base64 -d {_PACKED} | tar -xz -C {_CONTEXT}")


def _shell(line: str) -> dict[str, Any]:
    return {"name": BUILDER, "entrypoint": "sh", "args": ["-c", line]}


def pack(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz that depends on names and contents alone."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=9) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
