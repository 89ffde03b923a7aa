"""Runs the server in this process until it is told to stop: what `rehearsal serve` and the detached server do."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from memdeploy import private
from memdeploy.rehearsal import backings, server
from memdeploy.rehearsal.app import App, Settings, read_world, rehearsal_id
from memdeploy.rehearsal.files import LOCK, RECORD, TOKEN, BackingChoice
from memdeploy.rehearsal.store import Store

SLOWEST = 1000.0
"Of time scales: an operation of the cloud that takes minutes then takes days."
PORTS, TRIES = range(20_000, 32_768), 20
"""Below those that systems lend to outgoing connections (Linux from 32768, macOS from 49152), one of which would have
it when the rehearsal comes back. https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)"""


class Busy(Exception):
    """Another server works on this state folder."""


@dataclass(frozen=True)
class Options:
    """`port` 0: the one of last time when it is free, else any. `backing` counts at a rehearsal's birth only.
    `detached`: nobody waits beside it, so whoever needed it ends it (`process.start`)."""

    state: Path
    port: int = 0
    world: Path | None = None
    time_scale: float | None = None
    faults: str | None = None
    backing: BackingChoice = "none"
    detached: bool = False


def serve(options: Options, ready: TextIO | None = None) -> int:
    """Until SIGTERM or SIGINT. Writes one line of JSON to `ready` (default stdout) once requests are answered.

    Raises Busy, OSError (a port that was asked for is taken), ValueError (scale, world, faults), RuntimeError
    (backing).
    """
    if options.time_scale is not None and not 0 <= options.time_scale <= SLOWEST:  # nor is NaN
        raise ValueError(f"a time scale of {options.time_scale} is none of 0 to {SLOWEST:.0f}")
    os.umask(0o077)
    private.make_folder(options.state)
    with os.fdopen(private.open_file(options.state / LOCK, os.O_WRONLY), "w") as lock:
        if not private.taken(lock.fileno()):
            raise Busy(f"{options.state}: another rehearsal server works here")
        store = Store(options.state)
        try:
            return _run(options, store, ready or sys.stdout)
        finally:
            store.close()


def _run(options: Options, store: Store, ready: TextIO) -> int:
    world_text = read_world(options.world)
    with store.transaction():
        id_ = rehearsal_id(store)
        born_with, why = store.fact("keep/backing"), store.fact("keep/reason")
    listener = _listen(options)
    address = server.endpoint(listener)
    token = _token(options.state)
    wanted = born_with or options.backing  # what is recorded stands on what was behind it at birth
    backing, reason = backings.choose(wanted, id_, options.state, lambda: (address, token))
    with store.transaction():
        store.put_fact("keep/backing", backing.name)
        store.put_fact("keep/reason", reason or why)
    settings = Settings(
        backing=backing,
        endpoint=address,
        world_text=world_text,
        scale=options.time_scale,
        faults=options.faults,
        token=token if backing.name != "none" else None,
        reason=reason or why,
    )
    app = App(store, settings, time.time)
    server.attach(listener, app)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    app.prepare()
    record = _record(options, app)
    _write_record(options.state, record)
    ready.write(json.dumps(record) + "\n")
    ready.flush()
    stop.wait()
    listener.shutdown()
    listener.server_close()
    (options.state / RECORD).unlink(missing_ok=True)
    return 0


def _listen(options: Options) -> server.Server:
    if options.port:
        return server.listen(options.port)
    for port in (*_last_port(options.state), *secrets.SystemRandom().sample(PORTS, TRIES)):
        with contextlib.suppress(OSError):
            return server.listen(port)
    return server.listen(0)


def _last_port(state: Path) -> list[int]:
    try:
        return [int(private.read(state / "port"))]
    except (OSError, ValueError):
        return []


def _token(state: Path) -> str:
    """Made once a state folder. An empty one (a crash of the machine) would open the door to whoever names none."""
    path = state / TOKEN
    if not path.exists() or not private.read(path).strip():
        private.write(path, secrets.token_urlsafe(32))
    return private.read(path).strip()


def _record(options: Options, app: App) -> Mapping[str, Any]:
    guarded = app.settings.token is not None
    return {
        "provider": "gcp",
        "id": app.cloud.id,
        "endpoint": app.settings.endpoint,
        "token_file": str((options.state / TOKEN).resolve()) if guarded else None,
        "backing": app.settings.backing.name,
        "reason": app.settings.reason,
        "scale": app.cloud.scale,
        "pid": os.getpid(),
        "detached": options.detached,
    }


def _write_record(state: Path, record: Mapping[str, Any]) -> None:
    """For `process.py`: complete or not there, and 0600."""
    private.write(state / "port", str(record["endpoint"]).rsplit(":", 1)[-1])
    private.write(state / RECORD, json.dumps(record))
