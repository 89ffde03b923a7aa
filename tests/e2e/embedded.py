"""A deployment of the embedded runtime on a HOME of its own, seen from outside: its API, its processes, its files."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from memdeploy.providers.local.embedded import interpreter
from tests.support.cli import Memdeploy

MINE = {"org_id": "me", "project_id": "first"}
UP = ("up", "--provider", "local", "--runtime", "embedded", "--yes")


def a_python() -> None:
    """Without one there is nothing to run on, and no test downloads one: a failure in CI, else a skip."""
    if interpreter.find(None, os.environ, Path.home()) is None:
        said = "no Python 3.12 or newer is here"
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run this: {said}", pytrace=False)
        pytest.skip(said)


@dataclass
class Home:
    """`cache` may be shared with others: packages are installed there."""

    folder: Path
    cache: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    name: str = "memmachine"

    @property
    def memdeploy(self) -> Memdeploy:
        known = {name: os.environ[name] for name in ("PYENV_ROOT", "PIP_INDEX_URL") if name in os.environ}
        return Memdeploy(
            self.folder, {**known, "XDG_CACHE_HOME": str(self.cache), "DOCKER_HOST": "unix:///none", **self.environment}
        )

    def up(self, *arguments: str, expect: int = 0) -> dict[str, Any]:
        done = self.memdeploy(*UP, *arguments, expect=expect)
        return done.data if expect == 0 else {"errors": done.json["errors"]}

    @property
    def own(self) -> Path:
        """The one deployment's folder."""
        (found,) = (self.folder / ".local/share/memdeploy").iterdir()
        return found

    @property
    def id(self) -> str:
        return self.memdeploy.identity(self.name)["id"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.memdeploy.journal(self.name)['configuration']['local']['port']}"

    # -- what runs ---------------------------------------------------------------------------------------------------

    def processes(self, marker: str | None = None) -> dict[int, str]:
        """Pid -> command line of all that carry the deployment's marker."""
        variable = f"MEMDEPLOY_DEPLOYMENT={marker or self.id}".encode()
        marked = [pid for pid in _pids() if variable in _read(pid, "environ").split(b"\0")]
        return {pid: _read(pid, "cmdline").replace(b"\0", b" ").decode() for pid in marked}

    def listening(self) -> set[tuple[str, int]]:
        """Host and port of all that its processes listen on (over IPv4)."""
        theirs = {link for pid in self.processes() for link in _open_files(pid)}
        return {place for place, inode in _listeners() if f"socket:[{inode}]" in theirs}

    def pid(self, word: str) -> int:
        (found,) = [pid for pid, line in self.processes().items() if word in line]
        return found

    def kill(self, word: str) -> None:
        os.kill(self.pid(word), signal.SIGKILL)

    # -- MemMachine's own API ----------------------------------------------------------------------------------------

    def store(self, text: str) -> None:
        message = {"content": text, "producer": "me", "role": "user"}
        self._post("memories", {**MINE, "messages": [message]})

    def find(self, query: str) -> list[str]:
        found = self._post("memories/search", {**MINE, "query": query, "top_k": 20})["content"]["episodic_memory"]
        return [one["content"] for part in found.values() for one in part.get("episodes", [])]

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = requests.post(f"{self.url}/api/v2/{path}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # -- files -------------------------------------------------------------------------------------------------------

    def files(self) -> set[str]:
        """Everything under HOME, by its path in it."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}

    def holding(self, text: str) -> list[str]:
        """Files under HOME that hold this text."""
        wanted = text.encode()
        plain = [path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink()]
        return [str(path.relative_to(self.folder)) for path in plain if wanted in path.read_bytes()]


def _listeners() -> list[tuple[tuple[str, int], str]]:
    """(host, port) and inode of all that listens for TCP over IPv4 on this machine: proc(5)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    found = [(*row[1].split(":"), row[9]) for row in rows if row[3] == "0A"]
    return [((socket.inet_ntoa(bytes.fromhex(host)[::-1]), int(port, 16)), inode) for host, port, inode in found]


def is_open(port: int) -> bool:
    return any(place == ("127.0.0.1", port) for place, _ in _listeners())


def _open_files(pid: int) -> list[str]:
    try:
        return [str(path.readlink()) for path in (Path("/proc") / str(pid) / "fd").iterdir()]
    except OSError:
        return []


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    """Nothing of one that is gone, or another user's."""
    try:
        return (Path("/proc") / str(pid) / name).read_bytes()
    except OSError:
        return b""
