"""The container image: what it is built from, as data, and building and pushing it with a local engine.

A cloud's own builder takes the same `BuildInputs`. Docker's SDK is imported when an engine is opened.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memdeploy.errors import StepFailed
from memdeploy.memmachine.releases import Release
from memdeploy.plain_push import NotPlain, on_loopback, upload
from memdeploy.secret import Secret, heard

if TYPE_CHECKING:
    from docker import DockerClient

PLATFORM = "linux/amd64"
RECIPE = "Dockerfile"
#: What the Dockerfile copies; the release's hash lock and facts come on top.
PROGRAMS = ("*.py", "*.sh", "*.json")
NLTK_DATA = "requirements/nltk-data.txt"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
Progress = Callable[[str], None]


@dataclass(frozen=True)
class BuildInputs:
    """`files`: path in the build context -> content. `base` names the image to start from, by digest.

    `source` is `upstream` (MemMachine's own image) or `pypi` (a Python and the hash lock).
    """

    source: str
    base: str
    release: str
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def args(self) -> dict[str, str]:
        """Build arguments; none is a secret."""
        return {"BASE": self.base, "RELEASE": self.release}

    @property
    def hash(self) -> str:
        """12 hex digits over all that the image is made from: a tag that stands for this very build."""
        digest = hashlib.sha256()
        texts = {f"arg:{name}": value.encode() for name, value in self.args.items()}
        for name, content in sorted({**texts, **self.files}.items()):
            for part in (name.encode(), content):
                digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()[:12]


def build_inputs(release: Release, *, source: str, base: str, folder: Path) -> BuildInputs:
    """Reads the folder `docker/`; only what the image needs, so that nothing else changes its hash."""
    programs = sorted(path.name for pattern in PROGRAMS for path in folder.glob(pattern))
    ours = (*programs, NLTK_DATA, release.facts) if release.recipe == RECIPE else ()
    files = {name: (folder / name).read_bytes() for name in (release.requirements, *ours)}
    return BuildInputs(source, base, release.version, {**files, RECIPE: (folder / release.recipe).read_bytes()})


def context_archive(files: Mapping[str, bytes]) -> bytes:
    """A build context with fixed owners, modes and times: the same files give the same bytes, and hit the cache."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def open_engine(timeout: int = 5) -> DockerClient | None:
    """A local engine that answers, or None. The timeout of building and pushing is the engine's own affair."""
    import docker
    from docker.errors import DockerException

    try:
        docker.from_env(timeout=timeout).ping()
        return docker.from_env(timeout=600)
    except DockerException:
        return None


def unusable(engine: DockerClient | None) -> str | None:
    """Why this engine cannot build the image; None when it can. Emulated builds take an hour, so they count as not."""
    if engine is None:
        return "no container engine answers"
    machine = engine.version().get("Arch")
    return None if machine == "amd64" else f"the container engine is {machine}, and the image is {PLATFORM}"


def build(
    engine: DockerClient, inputs: BuildInputs, tag: str, progress: Progress, *, platform: str = PLATFORM,
    labels: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """Builds with the engine's classic builder; the image's id."""
    lines = engine.api.build(
        fileobj=io.BytesIO(context_archive(inputs.files)), custom_context=True, dockerfile="Dockerfile", tag=tag,
        buildargs=inputs.args, platform=platform, labels=dict(labels or {}), rm=True, forcerm=True, decode=True,
    )  # fmt: skip
    image = ""
    for line in _checked(lines, "the image could not be built", "image-build"):
        text = str(line.get("stream", "")).strip()
        if text.startswith("Step "):
            progress(text)
        image = (line.get("aux") or {}).get("ID", image)
    return image or str(engine.images.get(tag).id)


def pull(engine: DockerClient, image: str, *, token: Secret | None = None, platform: str | None = None) -> None:
    """`token` as `push` takes it. Raises `StepFailed` with what the engine says of it."""
    from docker.errors import APIError

    try:
        engine.images.pull(image, platform=platform, auth_config=_login(token))
    except APIError as error:
        raise StepFailed(
            f"image {image} cannot be pulled: {heard(error.explanation or str(error))}",
            code="image-pull",
            suggestion="Check this machine's way to the registry; `docker load` brings an image without one.",
            retryable=True,
        ) from error


def push(engine: DockerClient, repository: str, tag: str, progress: Progress, *, token: Secret | None = None) -> str:
    """Pushes `repository:tag`; the digest that the registry gave it.

    `token` is an access token for registries of Google (user `oauth2accesstoken`); None where none is asked for.
    """
    if on_loopback(repository):
        progress("pushing its layers as they are")
        plain = _push_plain(engine, repository, tag)
        if plain is not None:
            return plain
    lines = engine.api.push(repository, tag=tag, stream=True, decode=True, auth_config=_login(token))
    digest, layers = "", Layers()
    for line in _checked(lines, f"{repository}:{tag} could not be pushed", "image-push"):
        digest = (line.get("aux") or {}).get("Digest", digest)
        if layers.see(line):
            progress(layers.text)
    if not digest:
        raise StepFailed(f"{repository}:{tag} was pushed, but the registry told no digest", code="image-push")
    return digest


def _login(token: Secret | None) -> dict[str, str] | None:
    return {"username": "oauth2accesstoken", "password": token.reveal()} if token else None


def _push_plain(engine: DockerClient, repository: str, tag: str) -> str | None:
    """None when it does not go this way: the ordinary one does, or says why not."""
    import requests
    from docker.errors import DockerException

    try:
        return upload(engine.images.get(f"{repository}:{tag}"), repository, tag)
    except (NotPlain, DockerException, requests.RequestException):
        return None


class Layers:
    """How far a push is, from the engine's lines about single layers."""

    DONE = frozenset({"Pushed", "Layer already exists", "Mounted"})

    def __init__(self) -> None:
        self._done: dict[str, bool] = {}

    def see(self, line: Mapping[str, Any]) -> bool:
        """True when the counts changed."""
        layer, status = line.get("id"), str(line.get("status", ""))
        if not layer or "digest:" in status:
            return False
        done = self._done.get(layer, False) or status in self.DONE or status.startswith("Mounted from")
        changed = self._done.get(layer) != done
        self._done[layer] = done
        return changed

    @property
    def text(self) -> str:
        return f"pushing: {sum(self._done.values())} of {len(self._done)} layers"


def _checked(lines: Iterable[Mapping[str, Any]], what: str, code: str) -> Iterable[Mapping[str, Any]]:
    """The engine reports failures inside a stream that began with 200. What it said last goes into the error."""
    said: list[str] = []
    for line in lines:
        said = [*said, COLOURS.sub("", str(line.get("stream", ""))).strip()][-12:]
        if "error" in line:
            tail = heard(" | ".join(text for text in said if text))[-600:]
            why = f"{what}: {heard(str(line['error']))}" + (f" ({tail})" if tail else "")
            raise StepFailed(why, code=code, retryable=True)
        yield line
