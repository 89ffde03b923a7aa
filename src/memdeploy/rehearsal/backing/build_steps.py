"""A Cloud Build step as the API has it, turned into what runs: pure functions.

https://docs.cloud.google.com/build/docs/build-config-file-schema and …/configuring-builds/substitute-variable-values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WORKSPACE = "/workspace"
DOCKER_BUILDER = re.compile(r"(?:gcr\.io/cloud-builders/docker|docker\.io/library/docker|docker)(?:[:@].+)?")
SHELLS = re.compile(r"(?:docker\.io/)?(?:library/)?(?:bash|busybox|ubuntu|debian|alpine|python)(?:[:@].+)?")
VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|(?P<bare>[A-Z_][A-Z0-9_]*)|\{(?P<braced>[A-Z_][A-Z0-9_]*)\})")


class StepError(Exception):
    """A build that cannot run, in Cloud Build's words."""


@dataclass(frozen=True)
class Step:
    """`image` None: the tools image, which has a shell, Python, curl, tar and `docker`."""

    name: str
    image: str | None
    argv: tuple[str, ...]
    entrypoint: tuple[str, ...]
    env: tuple[str, ...]
    folder: str
    may_fail: bool


def substitute(text: str, values: Mapping[str, str]) -> str:
    """`$NAME`, `${NAME}` and `$$`. An upper-case name that Cloud Build does not know is refused."""

    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        name = match["bare"] or match["braced"]
        if name not in values:
            raise StepError(f'key in the template "{name}" is not a valid built-in substitution')
        return values[name]

    return VARIABLE.sub(value, text)


def built_ins(key: str) -> dict[str, str]:
    """From `projects/P/locations/L/builds/B`."""
    parts = key.split("/")
    found = dict(zip(parts[::2], parts[1::2], strict=False))
    names = {"PROJECT_ID": "projects", "LOCATION": "locations", "BUILD_ID": "builds"}
    return {name: found.get(part, "") for name, part in names.items()}


def step_of(sent: Mapping[str, object], values: Mapping[str, str]) -> Step:
    name = str(sent["name"])
    args = [substitute(text, values) for text in _texts(sent.get("args"))]
    env = [substitute(text, values) for text in _texts(sent.get("env"))]
    entrypoint = tuple(_texts(sent.get("entrypoint")))
    folder = str(sent.get("dir") or "")
    script = str(sent.get("script") or "")
    if script:
        entrypoint, args = ("sh", "-c"), [script]
    is_docker = DOCKER_BUILDER.fullmatch(name) is not None
    stands_in = is_docker or SHELLS.fullmatch(name) is not None
    return Step(
        name=name,
        image=None if stands_in else name,
        argv=tuple(args),
        entrypoint=entrypoint or (("docker",) if is_docker else _shell(name, args)),
        env=tuple(env),
        folder=folder if folder.startswith("/") else f"{WORKSPACE}/{folder}".rstrip("/"),
        may_fail=sent.get("allowFailure") is True,
    )


def _shell(name: str, args: Sequence[str]) -> tuple[str, ...]:
    """The `bash` image gives flags to bash; the others have no entry point."""
    is_bash = re.fullmatch(r"(?:.*/)?bash(?:[:@].+)?", name) is not None
    return ("bash",) if is_bash and args and args[0].startswith("-") else ()


def _texts(value: object) -> list[str]:
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str) else [str(item) for item in value]  # type: ignore[attr-defined]
