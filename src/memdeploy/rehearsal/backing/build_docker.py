"""`docker` in a build's step, carried out in the engine: build, tag, push, pull, login. Nothing is run from here."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memdeploy.rehearsal.backing.arguments import Refused
from memdeploy.rehearsal.backing.engine import BackingError, Engine
from memdeploy.rehearsal.backing.registry import Registry, split
from memdeploy.rehearsal.backing.sockets import Readable, Result

SWITCHES = frozenset(("--no-cache", "--pull", "-q", "--quiet", "--rm", "--force-rm"))
VALUES = frozenset(
    ("-t", "--tag", "-f", "--file", "--build-arg", "--target", "--label", "--platform", "--network", "--progress")
)
SHORT = {"-t": "--tag", "-f": "--file", "-q": "--quiet"}


@dataclass(frozen=True)
class BuildRequest:
    tags: tuple[str, ...]
    dockerfile: str
    arguments: Mapping[str, str]
    labels: Mapping[str, str]
    target: str
    no_cache: bool
    pull: bool


def parse_build(argv: Sequence[str]) -> BuildRequest:
    """`argv` follows `build`; the context was packed where the command was given."""
    found: dict[str, list[str]] = {}
    words = list(argv)
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            continue
        flag, equals, value = word.partition("=")
        if flag not in SWITCHES and flag not in VALUES:
            raise Refused(f"build: the flag {flag} is not known here")
        if flag in VALUES and not equals:
            value = words.pop(0) if words else ""
        found.setdefault(SHORT.get(flag, flag), []).append(value)
    platform = found.get("--platform", ["linux/amd64"])[-1]
    if platform != "linux/amd64":
        raise Refused(f"build: Cloud Build makes linux/amd64 images, not {platform}")
    return BuildRequest(
        tags=tuple(found.get("--tag", [])),
        dockerfile=found.get("--file", ["Dockerfile"])[-1],
        arguments=_pairs(found.get("--build-arg", [])),
        labels=_pairs(found.get("--label", [])),
        target=found.get("--target", [""])[-1],
        no_cache="--no-cache" in found,
        pull="--pull" in found,
    )


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


class BuildDocker:
    """The function behind a build's socket."""

    def __init__(self, engine: Engine, registry: Registry) -> None:
        self._engine = engine
        self._registry = registry

    def __call__(self, argv: list[str], stdin: Readable) -> Result:
        from docker.errors import DockerException

        commands: dict[str, Callable[[list[str], Readable], Result]] = {
            "build": self._build,
            "tag": self._tag,
            "push": self._push,
            "pull": self._pull,
            "login": lambda _argv, _stdin: Result(0, out="Login Succeeded\n"),
        }
        command = commands.get(argv[0] if argv else "")
        try:
            if command is None:
                raise Refused(f"'{' '.join(argv[:1])}' is not among the commands of docker that are known here")
            return command(argv[1:], stdin)
        except (Refused, BackingError) as refused:
            return Result(1, err=f"docker: {refused}\n")
        except DockerException as error:
            return Result(1, err=f"Error response from daemon: {getattr(error, 'explanation', None) or error}\n")

    def _build(self, argv: list[str], stdin: Readable) -> Result:
        request = parse_build(argv)
        with tempfile.TemporaryFile() as context:
            shutil.copyfileobj(stdin, context)
            context.seek(0)
            said, error = self._run(request, context)
        if error:
            return Result(1, out=said, err=f"{error}\n")
        for tag in request.tags[1:]:
            self._tag_one(request.tags[0], tag)
        return Result(0, out=said)

    def _run(self, request: BuildRequest, context: Any) -> tuple[str, str]:
        """(output, error)."""
        lines = self._engine.client.api.build(
            fileobj=context,
            custom_context=True,
            tag=request.tags[0] if request.tags else None,
            dockerfile=request.dockerfile,
            buildargs=dict(request.arguments),
            labels=dict(request.labels) or None,
            target=request.target or None,
            nocache=request.no_cache,
            pull=request.pull,
            rm=True,
            forcerm=True,
            decode=True,
        )
        said, error = [], ""
        for line in lines:
            said.append(str(line.get("stream") or ""))
            error = str(line.get("error") or error)
        return "".join(said), error

    def _tag(self, argv: list[str], stdin: Readable) -> Result:
        if len(argv) != 2:
            raise Refused('"docker tag" requires exactly 2 arguments')
        self._tag_one(*argv)
        return Result(0)

    def _tag_one(self, source: str, target: str) -> None:
        name, _, tag = split(target)
        self._engine.client.images.get(source).tag(name, tag)

    def _push(self, argv: list[str], stdin: Readable) -> Result:
        reference = argv[-1] if argv else ""
        if not self._registry.owns(reference):
            raise Refused(f"push {reference}: a rehearsal pushes to {self._registry.address()} only")
        name, _, tag = split(reference)
        return Result(0, out=f"{name}: {tag}: digest: {self._registry.push(reference)}\n")

    def _pull(self, argv: list[str], stdin: Readable) -> Result:
        self._registry.pull(argv[-1])
        return Result(0, out=f"{argv[-1]}\n")
