"""Crash points where servers run, which cannot be copied: a chain for each point. A run is killed at it in the first
change, the next goes on and is killed in the second, and so to the end; the last is left alone, and all has to be as
after a run that nobody disturbed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from memdeploy.engine.crash import VARIABLE, Point
from tests.support import results
from tests.support.cli import Memdeploy

ROOT = Path(__file__).resolve().parents[2]
TITLE = "Crashes on this machine: killed at a point of each change in turn, then run again"
COLUMNS = ("provider", "command", "point", "expected", "tried", "converged")
KILLED = -signal.SIGKILL
PATIENCE = 900.0

Line = tuple[str, ...]
Change = tuple[str, str]


@dataclass
class Chain:
    """`there`: all that a command may have left, in the same words for each of its runs."""

    provider: str
    memdeploy: Memdeploy
    there: Callable[[], list[str]]

    def run(self, line: Line, crash: str | None = None) -> tuple[int, str]:
        self._told.unlink(missing_ok=True)
        user = self.memdeploy
        done = subprocess.run(
            [sys.executable, "-m", "tests.crash.told", str(self._told), *line, "--state", str(user.state), "--json"],
            env={**user.environ({VARIABLE: crash} if crash else {}), "PYTHONPATH": str(ROOT)},
            cwd=user.folder, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def undisturbed(self, line: Line) -> list[Change]:
        """Its changes, each once, in the order in which they were begun."""
        code, said = self.run(line)
        assert code == 0, said[-3000:]
        passed = [line.split(" ", 2) for line in self._told.read_text().splitlines()]
        return list(dict.fromkeys((step, verb) for point, step, verb in passed if point == Point.BEFORE_INTENT))

    def disturbed(
        self, line: Line, point: Point, changes: Sequence[Change], end: list[str], command: str = ""
    ) -> list[str]:
        """Killed in each of its changes, then left alone; what was wrong. `command`: as the table names it."""
        wrong = []
        for step, verb in changes:
            code, said = self.run(line, f"{point}:{step}:{verb}")
            if code != KILLED:
                wrong.append(f"{line[0]} at {point}:{step}:{verb} left with {code}: {said[-1500:]}")
        code, said = self.run(line)
        found = self.there() if code == 0 else []
        if (code, found) != (0, end):
            wrong.append(f"{line[0]} after {point} left with {code}, {found}, not {end}: {said[-1500:]}")
        tried = len(changes)
        row = (self.provider, command or line[0], str(point), tried, tried, max(0, tried - len(wrong)))
        results.record("crash-local", TITLE, COLUMNS, [row], keys=3)
        return wrong

    @property
    def _told(self) -> Path:
        return self.memdeploy.folder / "told"
