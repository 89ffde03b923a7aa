"""Megabytes that an image adds to what it is made from: `python -m benchmarks.image_size [--json]`.

Ours from a Python, ours from upstream's image, and what the public guide makes of upstream's (gcc, libpq-dev and
psycopg2-binary, its lines unchanged). Built here, from the engine's cache where it can; removed again. Exits 1 when
ours adds more to upstream's image than the guide's recipe does.
"""

from __future__ import annotations

import io
import secrets
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import ImageNotFound

from benchmarks.figures import parser, show, table

LABEL = "memdeploy.benchmark"
RELEASE, PYTHON = "0.4.0", "python:3.12-slim-trixie"
PRODUCT = Path(__file__).parent.parent / "docker"
#: The guide's Dockerfile up to its check; its startup script weighs nothing.
GUIDE = """\
FROM {base}
USER root
RUN apt-get update && apt-get install -y --no-install-recommends libpq-dev gcc && rm -rf /var/lib/apt/lists/*
RUN /usr/local/bin/python3 -m pip install --no-cache-dir --target=/app/.venv/lib/python3.12/site-packages \\
    psycopg2-binary
RUN /app/.venv/bin/python -c "import psycopg2"
"""


@dataclass(frozen=True)
class Size:
    """Bytes."""

    name: str
    base: int
    whole: int
    layers: Mapping[str, int]

    @property
    def added(self) -> int:
        return self.whole - self.base


def main() -> int:
    options = parser(__doc__).parse_args()
    engine = docker.from_env(timeout=1800)
    with built(engine, options.upstream) as tags:
        bases = {"ours, from Python": PYTHON, "ours, from upstream's": options.upstream}
        sizes = [size(engine, name, bases.get(name, options.upstream), tag) for name, tag in tags.items()]
    found = {one.name: one.added for one in sizes}
    good = found["ours, from upstream's"] <= found["the guide's, from upstream's"]
    result = {"images": [{**vars(one), "added": one.added} for one in sizes], "good": good}
    show(result, text(sizes), as_json=options.json)
    return 0 if good else 1


@contextmanager
def built(engine: docker.DockerClient, upstream: str) -> Iterator[dict[str, str]]:
    """Name -> tag of a run's own, which is taken away again; layers that others use stay."""
    made = secrets.token_hex(4)
    tags = {
        name: f"memdeploy-benchmark/{made}:{number}"
        for number, name in enumerate(("ours, from Python", "ours, from upstream's", "the guide's, from upstream's"))
    }
    try:
        ours, from_upstream, guide = tags.values()
        build(engine, ours, product(), {"BASE": PYTHON, "RELEASE": RELEASE})
        build(engine, from_upstream, product(), {"BASE": upstream, "RELEASE": RELEASE})
        build(engine, guide, archive({"Dockerfile": GUIDE.format(base=upstream).encode()}), {})
        yield tags
    finally:
        for tag in tags.values():
            with suppress(ImageNotFound):
                engine.images.remove(tag)


def build(engine: docker.DockerClient, tag: str, context: bytes, arguments: Mapping[str, str]) -> None:
    engine.images.build(
        fileobj=io.BytesIO(context), custom_context=True, tag=tag, buildargs=dict(arguments), labels={LABEL: "size"},
        rm=True, forcerm=True,
    )  # fmt: skip


def product() -> bytes:
    return archive({str(p.relative_to(PRODUCT)): p.read_bytes() for p in sorted(PRODUCT.rglob("*")) if kept(p)})


def kept(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def size(engine: docker.DockerClient, name: str, base: str, tag: str) -> Size:
    below = engine.images.get(base)
    image = engine.images.get(tag)
    own = history(image)[: len(history(image)) - len(history(below))]
    return Size(name, below.attrs["Size"], image.attrs["Size"], {said(one): one["Size"] for one in own if one["Size"]})


def history(image: Any) -> list[dict[str, Any]]:
    """Newest first, those of the base last."""
    return list(image.history())


def said(entry: Mapping[str, Any]) -> str:
    """The instruction, without the builder's own words around it."""
    words = str(entry["CreatedBy"]).replace("/bin/sh -c #(nop)", "").split("/bin/sh -c", 1)[-1]
    return " ".join(words.split())[:60]


def megabytes(number: float) -> str:
    return f"{number / 1e6:.0f} MB"


def text(sizes: list[Size]) -> str:
    rows = [[one.name, megabytes(one.base), megabytes(one.added), largest(one)] for one in sizes]
    return table(["image", "its base", "added", "of that"], rows)


def largest(one: Size) -> str:
    parts = sorted(one.layers.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{megabytes(weight)} `{words}`" for words, weight in parts if weight > 1e6)


if __name__ == "__main__":
    sys.exit(main())
