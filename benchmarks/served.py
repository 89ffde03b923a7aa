"""A rehearsal served by a process of its own, without containers, and memdeploy beside it: what benchmarks share."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

PROJECT = "proj-1"
UP = ("up", "--yes", "--provider", "gcp", "--project", PROJECT)
Entry = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One that the rehearsal began. `seconds` is its own length in real seconds, the scale included."""

    name: str
    method: str
    target: str
    start: float
    seconds: float


@dataclass(frozen=True)
class Served:
    cloud: Rehearsed
    memdeploy: Memdeploy
    folder: Path

    def timed(self, *line: str) -> float:
        """Seconds of the whole process, from its start to its end."""
        started = time.monotonic()
        self.memdeploy(*line)
        return time.monotonic() - started

    def watched(self, *line: str) -> tuple[list[Entry], list[Entry]]:
        """Runs memdeploy; the events that it told, and its wire log."""
        events, wire = (self.folder / f"{name}-{time.monotonic_ns()}.jsonl" for name in ("events", "wire"))
        self.memdeploy(*line, "--events", str(events), "--wire-log", str(wire))
        return _entries(events), _entries(wire)

    def operations(self) -> list[Operation]:
        """All that the rehearsal ever began, in the order of their beginning."""
        with contextlib.closing(sqlite3.connect(self.cloud.folder / "cloud.db", timeout=60)) as db:
            records = [json.loads(text) for (text,) in db.execute("SELECT record FROM operations")]
        every = [Operation(r["name"], r["method"], r["target"], r["start"], r["length"]) for r in records]
        return sorted(every, key=lambda operation: operation.start)


@contextlib.contextmanager
def served(scale: float, world: str | None = None) -> Iterator[Served]:
    """`world`: text of a world file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        user = folder / "user"
        user.mkdir()
        file = folder / "world.yaml"
        file.write_text(world or "")
        cloud = Rehearsed.serve(folder / "cloud", scale=scale, world=file if world else None)
        try:
            yield Served(cloud, Memdeploy(user, cloud.environment, timeout=1800.0), folder)
        finally:
            cloud.stop()


def _entries(file: Path) -> list[Entry]:
    return [json.loads(text) for text in file.read_text().splitlines()]


def busy() -> str:
    """For the table's last line: a machine with other work to do measures that work, too."""
    return f"load average {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors"
