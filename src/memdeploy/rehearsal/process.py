"""Starts, finds and stops the detached rehearsal server of a state folder."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from memdeploy import private
from memdeploy.rehearsal import users
from memdeploy.rehearsal.files import RECORD, TOKEN, BackingChoice

LOG = "server.log"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
START_PATIENCE = 60.0
"With containers the first start may look for images."
CONTAINER_PATIENCE = 900.0
STOP_PATIENCE = 30.0

_PASSED_ON = frozenset({"HOME", "LANG", "LOGNAME", "PATH", "REQUESTS_CA_BUNDLE", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV"})
_PASSED_ON_ALL = ("COVERAGE_", "DOCKER_", "LC_", "LD_", "MEMDEPLOY_TEST_", "PYTHON", "SSL_CERT_", "XDG_")


class RehearsalError(Exception):
    """The server could not be started, reached or stopped. The text says what to do next."""


@dataclass(frozen=True)
class Started:
    """`pid` 0 and `folder` None when the server is somebody else's (`attach`)."""

    id: str
    endpoint: str
    token_file: Path | None
    backing: str
    reason: str | None
    scale: float
    pid: int
    space: str
    "The /15 its networks should live in."
    detached: bool
    "`start` made it, for the command that needed it, and not somebody who waits beside it."


def start(
    folder: Path,
    *,
    backing: BackingChoice = "none",
    time_scale: float | None = None,
    world: Path | None = None,
    faults: str | None = None,
) -> Started:
    """The server of this folder: the one that runs, else a new one, detached, with the same id and port. Of several
    who start it at once, one does."""
    try:
        with users.starting(folder):
            found = running(folder)
            if found is not None:
                return found
            child = _spawn(folder, _arguments(folder, backing, time_scale, world, faults))
            return _await_ready(folder, child, START_PATIENCE if backing == "none" else CONTAINER_PATIENCE)
    except OSError as error:
        raise RehearsalError(f"{error.filename or folder}: {error.strerror or error}") from error


def running(folder: Path) -> Started | None:
    """The live server of this folder, if there is one."""
    record = _read_record(folder)
    if record is None or not _alive(record["pid"]):
        return None
    try:
        return _described(record["endpoint"], folder / TOKEN, record)
    except RehearsalError:
        return None


def attach(endpoint: str, token_file: Path | None = None) -> Started:
    """A server that somebody else started (MEMDEPLOY_GCP_ENDPOINT). Only on loopback."""
    return _described(endpoint, token_file, {})


def stop(folder: Path) -> None:
    """Ends the server, keeps its state. Silent when none runs."""
    record = _read_record(folder)
    if record is None or not _alive(record["pid"]) or not _is_server(record["pid"]):
        return
    pid = int(record["pid"])
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_PATIENCE
    while _alive(pid):
        if time.monotonic() > deadline:
            raise RehearsalError(f"the rehearsal server (pid {pid}) does not stop; see {folder / LOG}")
        _reap(pid)
        time.sleep(0.02)


def remove_everything(folder: Path) -> None:
    """Its containers, volumes and networks, then the server. The folder stays for the caller to delete."""
    found = running(folder)
    if found is not None:
        _ask(found.endpoint, "POST", "/_rehearsal/reset", _token(found.token_file))
        stop(folder)


def passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """What the server is given of an environment: the way to programs, certificates and the container engine. It may
    live for days, and the model's key stands in a variable of any name."""
    return {name: value for name, value in environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_ALL)}


def _arguments(
    folder: Path, backing: BackingChoice, time_scale: float | None, world: Path | None, faults: str | None
) -> list[str]:
    given = [("--time-scale", time_scale), ("--world", world and world.resolve()), ("--faults", faults)]
    options = [text for name, value in given if value is not None for text in (name, str(value))]
    return ["--state", str(folder), "--backing", backing, *options]


def _spawn(folder: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C in our terminal is not for it."""
    log = private.open_file(folder / LOG, os.O_APPEND | os.O_WRONLY)
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "memdeploy.rehearsal", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env=passed_on(os.environ),
        )
    finally:
        os.close(log)


def _await_ready(folder: Path, child: subprocess.Popen[bytes], patience: float) -> Started:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = running(folder)
        if found is not None:
            return found
        if child.poll() is not None:
            raise RehearsalError(f"the rehearsal server ended at once: {_last_line(folder / LOG)}")
        time.sleep(0.02)
    child.terminate()
    raise RehearsalError(f"the rehearsal server was not ready within {patience:.0f} s; see {folder / LOG}")


def _described(endpoint: str, token_file: Path | None, record: Mapping[str, Any]) -> Started:
    host = urlsplit(endpoint).hostname
    if urlsplit(endpoint).scheme != "http" or host not in LOOPBACK:
        raise RehearsalError(f"{endpoint}: a rehearsal is reached by http on loopback only")
    health = _ask(endpoint, "GET", "/_rehearsal/health", None)
    if health.get("provider") != "gcp" or not health.get("ready"):
        raise RehearsalError(f"{endpoint}: no rehearsal that is ready answers there")
    clock = _ask(endpoint, "GET", "/_rehearsal/clock", _token(token_file))
    return Started(
        id=health["id"],
        endpoint=endpoint.rstrip("/"),
        token_file=token_file if clock["backing"] != "none" else None,
        backing=clock["backing"],
        reason=clock.get("reason"),
        scale=float(clock["scale"]),
        pid=int(record.get("pid", 0)),
        space=clock["space"],
        detached=record.get("detached") is True,
    )


def _ask(endpoint: str, verb: str, path: str, token: str | None) -> dict[str, Any]:
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=30)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(verb, path, headers=headers)
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise RehearsalError(f"{endpoint}: no rehearsal answers there ({error})") from error
    finally:
        connection.close()
    if response.status != 200:
        raise RehearsalError(f"{endpoint}{path}: {response.status}; is the token file the right one?")
    return answer


def _token(path: Path | None) -> str | None:
    return path.read_text().strip() if path is not None and path.exists() else None


def _read_record(folder: Path) -> dict[str, Any] | None:
    """What the server left there; None for none, and for what nobody but a server of ours would have to believe."""
    try:
        record = json.loads(private.read(folder / RECORD))
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(record, dict) and type(record.get("pid")) is int and isinstance(record.get("endpoint"), str)
    return record if whole and 0 < record["pid"] < 2**31 else None


def _alive(pid: int) -> bool:
    _reap(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_server(pid: int) -> bool:
    """A record outlives a crash of the machine; its number may be anybody's by now. Without /proc it is believed."""
    try:
        return pid > 1 and b"memdeploy" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()


def _reap(pid: int) -> None:
    """A server that we started ourselves is our child and stays a zombie until waited for."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"see {path}"
