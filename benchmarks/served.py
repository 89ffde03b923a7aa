"""A rehearsal served by a process of its own, without containers, and memdeploy beside it: what the benchmarks share."""

from __future__ import annotations

import contextlib
import json
import os
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


@contextlib.contextmanager
def served(scale: float) -> Iterator[Served]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        user = folder / "user"
        user.mkdir()
        cloud = Rehearsed.serve(folder / "cloud", scale=scale)
        try:
            yield Served(cloud, Memdeploy(user, cloud.environment, timeout=1800.0), folder)
        finally:
            cloud.stop()


def _entries(file: Path) -> list[Entry]:
    return [json.loads(text) for text in file.read_text().splitlines()]


def busy() -> str:
    """For the table's last line: a machine with other work to do measures that work, too."""
    return f"load average {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors"
