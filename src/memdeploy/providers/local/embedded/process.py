"""Processes in the background: started, looked at, asked to end. A lock on the pid file is the truth (`launch.py`)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memdeploy import private
from memdeploy.providers.local import files
from memdeploy.providers.local.embedded import launch
from memdeploy.secret import heard

LOG_BYTES = 20_000_000
"A log that has grown larger is put aside at the next start; the one before goes."


@dataclass(frozen=True)
class Found:
    """What a pid file tells. `alive`: its process runs. `pid` is None in the first moments of one that starts.
    `started`: seconds since the epoch."""

    alive: bool
    pid: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    started: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Command:
    """`environment` is all of it, and may hold secrets; `facts` are written down, and may not."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    facts: Mapping[str, Any]
    log: Path
    pid_file: Path


def look(pid_file: Path) -> Found | None:
    """None when there is no such file: nothing was started, or it was ended in order."""
    try:
        handle = private.open_there(pid_file, os.O_RDWR)
    except FileNotFoundError:
        return None
    with os.fdopen(handle) as file:
        alive = _held(handle)
        try:
            said = json.load(file)
            return Found(alive, int(said["pid"]), said["facts"], float(said["started"]))
        except (ValueError, KeyError, TypeError):
            return Found(alive)


def start(command: Command) -> subprocess.Popen[bytes]:
    """In a session of its own: it stays when we, or the terminal, go."""
    for path in (command.log, command.pid_file):
        files.own_folder(path.parent)
    _put_aside(command.log)
    python = command.arguments[0]
    environment = {**command.environment, launch.FACTS: json.dumps(command.facts)}
    log = private.open_file(command.log, os.O_WRONLY | os.O_APPEND)
    try:
        return subprocess.Popen(
            [python, "-I", "-S", launch.__file__, str(command.pid_file), *command.arguments], env=environment,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=command.pid_file.parent, start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(log)


def end(pid_file: Path, number: signal.Signals = signal.SIGTERM) -> None:
    """Sends the signal, to that process and no other."""
    found = look(pid_file)
    if found is not None and found.alive and found.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, number)


def forget(pid_file: Path) -> None:
    pid_file.unlink(missing_ok=True)


def tail(log: Path, lines: int = 12) -> tuple[str, ...]:
    """The last lines, oldest first; none of what is no log of ours."""
    try:
        with os.fdopen(private.open_there(log, os.O_RDONLY), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 16_384))
            said = heard(file.read().decode(errors="replace"))
        return tuple(line for line in said.splitlines() if line.strip())[-lines:]
    except OSError:
        return ()


def _held(handle: int) -> bool:
    if not private.taken(handle, fcntl.LOCK_SH):
        return True
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False


def _put_aside(log: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log.lstat().st_size > LOG_BYTES:
            log.rename(log.with_suffix(".old"))
