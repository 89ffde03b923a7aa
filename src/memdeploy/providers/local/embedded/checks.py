"""What could keep an embedded deployment from its end. Reads only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from memdeploy.errors import Refused
from memdeploy.memmachine import releases
from memdeploy.providers.base import Finding, Verdict
from memdeploy.providers.local import ports
from memdeploy.providers.local.embedded import environment, layout, process, python
from memdeploy.providers.local.scope import Scope

_NO_PROFILES = (
    "without PostgreSQL or Neo4j it has no place for profiles (semantic memory), and stores no memory whole (HTTP 500)"
)
"Seen with memmachine-server 0.3.9: only `types: [episodic]` is stored and found there."
ENVIRONMENT_BYTES = 1_500_000_000
"While it is made; 600 MB afterwards."
DATA_BYTES = 200_000_000

Check = Callable[[Scope], Iterable[Finding]]


def release(scope: Scope) -> Iterable[Finding]:
    version = scope.deployment.release
    if not releases.find(version).without_neo4j:
        yield _failed(
            "release", "release-needs-neo4j", f"MemMachine {version} cannot do without Neo4j, and none is embedded",
            f"Use release {releases.DEFAULT}, or --runtime docker.",
        )  # fmt: skip
    elif not (scope.context.docker_files / environment.lock_name(version)).is_file():
        yield _failed(
            "release", "release-not-embedded", f"MemMachine {version}: {_NO_PROFILES}",
            f"Use release {releases.DEFAULT}, or --runtime docker.",
        )  # fmt: skip
    else:
        yield _passed("release", f"MemMachine {version}")


def interpreter(scope: Scope) -> Iterable[Finding]:
    try:
        found = python.find(scope)
    except Refused as error:
        yield _failed("python", error.code, error.message, error.suggestion or "")
        return
    text = f"Python {found.version}: {found.path}" if found else "none from 3.12 on is here: uv will download one"
    yield _passed("python", text)


def port(scope: Scope) -> Iterable[Finding]:
    found = process.look(layout.pid_file(scope, "service"))
    if found is not None and found.alive:
        yield _passed("port", f"port {scope.port} is this deployment's")
    elif ports.is_free(scope.port):
        yield _passed("port", f"port {scope.port} of 127.0.0.1 is free")
    else:
        yield _failed(
            "port", "port-taken", f"port {scope.port} of 127.0.0.1 is taken by another program",
            "End that program, or choose another port with --local-port.",
        )  # fmt: skip


def room(scope: Scope) -> Iterable[Finding]:
    wanted = {layout.cache(): 0 if any(layout.environments().glob("memmachine-*")) else ENVIRONMENT_BYTES}
    wanted[scope.folder] = DATA_BYTES
    for folder, needed in wanted.items():
        free = shutil.disk_usage(_existing(folder)).free
        if free < needed:
            yield _failed(
                "disk", "disk-full", f"{folder}: {free // 1_000_000} MB are free, {needed // 1_000_000} MB are needed",
                "Make room, or name another place: --local-folder for memories, XDG_CACHE_HOME for the packages.",
            )  # fmt: skip
            return
    yield _passed("disk", "there is room")


def writable(scope: Scope) -> Iterable[Finding]:
    for folder in (layout.cache(), scope.folder):
        there = _existing(folder)
        if not os.access(there, os.W_OK | os.X_OK):
            yield _failed(
                "folders", "folder-unwritable", f"{folder} cannot be made: {there} is not writable for you",
                "Name another place: --local-folder for memories, XDG_CACHE_HOME for the packages.",
            )  # fmt: skip
            return
    yield _passed("folders", f"memories: {scope.folder}; packages: {layout.environments()}")


ALL: tuple[Check, ...] = (release, interpreter, port, writable, room)


def examine(scope: Scope) -> list[Finding]:
    return [finding for check in ALL for finding in check(scope)]


def failures(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.verdict is Verdict.FAILED]


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _passed(check: str, text: str) -> Finding:
    return Finding(check, Verdict.PASSED, text)


def _failed(check: str, code: str, text: str, remedy: str) -> Finding:
    return Finding(check, Verdict.FAILED, text, code, remedy)
