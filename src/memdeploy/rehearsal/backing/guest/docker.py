"""The `docker` of a machine or build step: hands its arguments to the rehearsal, which checks and carries them out.

There is no engine's socket in here. Like the real command line it resolves paths and packs a build's context itself;
everything else is decided on the other side. One request: POST /docker with a JSON line (argv, folder, what stdin
held), followed by the context's tar for `build`.
"""

from __future__ import annotations

import fnmatch
import http.client
import json
import os
import socket
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

SOCKET = "/rehearsal/host/rehearsal.sock"
HEADER = "X-Arguments"
BUILD_VALUES = frozenset(
    ("-t", "--tag", "-f", "--file", "--build-arg", "--target", "--label", "--platform", "--network", "--progress")
)


class Rehearsal(http.client.HTTPConnection):
    def __init__(self) -> None:
        super().__init__("engine.rehearsal")

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)


def resolve(word: str) -> str:
    """Sources of bind mounts as they really lie, links followed."""
    if word.startswith("type=bind,"):
        parts = [part.partition("=") for part in word.split(",")]
        return ",".join(k + eq + (os.path.realpath(v) if k in ("source", "src") else v) for k, eq, v in parts)
    return word


def resolve_all(argv: Sequence[str]) -> list[str]:
    words = [resolve(word) for word in argv]
    for index, word in enumerate(argv[:-1]):
        if word in ("-v", "--volume"):
            source, colon, rest = argv[index + 1].partition(":")
            words[index + 1] = os.path.realpath(source) + colon + rest
    return words


def context_of(argv: Sequence[str]) -> str:
    """The folder that `build` packs: its only operand."""
    words = iter(argv[1:])
    found = "."
    for word in words:
        if word in BUILD_VALUES:
            next(words, None)
        elif not word.startswith("-") or word == "-":
            found = word
    return found


def ignored(context: Path) -> list[str]:
    path = context / ".dockerignore"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.strip().strip("/") for line in lines if line.strip() and not line.lstrip().startswith(("#", "!"))]


def pack(context: Path, target: IO[bytes]) -> None:
    patterns = ignored(context)

    def keep(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = member.name.removeprefix("./")
        return None if any(fnmatch.fnmatch(name, pattern) for pattern in patterns) else member

    with tarfile.open(fileobj=target, mode="w") as tar:
        tar.add(context, arcname=".", filter=keep)


def ask(argv: Sequence[str], body: IO[bytes] | bytes) -> dict[str, object]:
    connection = Rehearsal()
    length = len(body) if isinstance(body, bytes) else body.seek(0, os.SEEK_END)
    if not isinstance(body, bytes):
        body.seek(0)
    headers = {HEADER: json.dumps(resolve_all(argv)), "Content-Length": str(length)}
    connection.request("POST", "/docker", body, headers)
    answer: dict[str, object] = json.loads(connection.getresponse().read())
    return answer


def call(argv: Sequence[str]) -> dict[str, object]:
    if argv[:1] == ["build"] and context_of(argv) != "-":
        with tempfile.TemporaryFile() as packed:
            pack(Path(context_of(argv)), packed)
            return ask(argv, packed)
    reads = "--password-stdin" in argv or argv[:1] == ["build"]
    return ask(argv, sys.stdin.buffer.read() if reads else b"")


def main() -> int:
    try:
        answer = call(sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"Cannot connect to the Docker daemon. Is the docker daemon running? ({error})\n")
        return 1
    sys.stdout.write(str(answer["out"]))
    sys.stderr.write(str(answer["err"]))
    return int(str(answer["code"]))


if __name__ == "__main__":
    sys.exit(main())
