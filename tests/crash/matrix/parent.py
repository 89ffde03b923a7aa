"""The parent of all: loads what a run may need by doing each kind of run once, then only forks.

Reads requests, a line of JSON each (`{"scenario": …, "shard": …}`), and answers each with one:
`{"steps": all of the command, "changing": those that changed something, "changes": those of this shard,
"tried": [{"cell", "wrong", "seconds"}, …]}`.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from memdeploy.rehearsal.server import Handler
from tests.crash.matrix.cells import attempt, cells
from tests.crash.matrix.cloud import Port
from tests.crash.matrix.forked import User, call
from tests.crash.matrix.recording import Change, Recording, record
from tests.crash.matrix.scenarios import ALL_OF_IT, SCENARIOS, UP, Scenario
from tests.support import kept

IDLE = 0.2


class Parent:
    def __init__(self, folder: Path, port: Port) -> None:
        self._folder, self._port = folder, port
        self._recordings: dict[str, Recording] = {}

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["scenario"]
        scenario, recording = SCENARIOS[name], self._recording(name)
        changes = _share(self._own(scenario, recording), asked["shard"], scenario.shards)
        tried = [attempt(cell, scenario, recording, self._port, self._folder / "cell") for cell in cells(changes)]
        return {
            "steps": list(recording.steps),
            "changing": sorted({change.step for change in recording.changes}),
            "changes": [asdict(change) for change in changes],
            "tried": [asdict(one) for one in tried],
        }

    def _own(self, scenario: Scenario, recording: Recording) -> list[Change]:
        if scenario.beyond is None:
            return list(recording.changes)
        other = self._recording(scenario.beyond)
        known = {(change.step, change.verb) for change in other.changes}
        return [
            change
            for change in recording.changes
            if (change.step, change.verb) not in known
            or recording.steps[change.step] != other.steps.get(change.step)
        ]  # fmt: skip

    def _recording(self, name: str) -> Recording:
        if name not in self._recordings:
            self._recordings[name] = record(SCENARIOS[name], self._port, self._folder / name)
        return self._recordings[name]


def _share(changes: Sequence[Change], shard: int, shards: int) -> list[Change]:
    """Every so many steps, each with all of its changes."""
    steps = list(dict.fromkeys(change.step for change in changes))[shard::shards]
    return [change for change in changes if change.step in steps]


# -- loading -----------------------------------------------------------------------------------------------------------


def load(port: Port, folder: Path) -> None:
    """One deployment's life in this process, cloud included; its threads are gone afterwards."""
    import neo4j  # noqa: F401 - asked of a server of the user's own only

    app = port.app(folder / "cloud")
    app.prepare()
    port.listener.RequestHandlerClass = type("Hasty", (Handler,), {"app": app, "timeout": IDLE})
    serving = threading.Thread(target=port.listener.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    user = User(folder, {"MEMDEPLOY_GCP_ENDPOINT": port.endpoint})
    with _as(user):
        for line in (UP, ALL_OF_IT):
            assert call(folder, line) == 0, line
    port.listener.shutdown()
    serving.join()
    app.store.close()
    _until_alone()
    gc.collect()
    gc.freeze()
    gc.disable()  # children are short-lived, and what they touch is copied


@contextlib.contextmanager
def _as(user: User) -> Iterator[None]:
    before, where = dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(user.environ({}))
    os.chdir(user.folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        os.chdir(where)
        os.environ.clear()
        os.environ.update(before)


def _until_alone() -> None:
    """Those that served kept connections end when nothing comes any more."""
    deadline = time.monotonic() + 30.0
    while threading.active_count() > 1:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.02)


def main() -> int:
    place, patch = kept.memory_folder("crash"), pytest.MonkeyPatch()
    try:
        kept.keep_clients(patch)
        kept.keep_command(patch)
        port = Port()
        load(port, place / "loading")
        parent = Parent(place, port)
        for line in sys.stdin:
            sys.stdout.write(json.dumps(parent.answer(json.loads(line))) + "\n")
            sys.stdout.flush()
    finally:
        shutil.rmtree(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
