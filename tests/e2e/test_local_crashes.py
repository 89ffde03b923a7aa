"""The crash matrix of deployments on this machine. Servers that run cannot be copied: so its cells are a chain for each
point. A run is killed at it in the first change, the next goes on and is killed in the second, and so to the end; the
last is left alone, and all has to be as after a run that nobody disturbed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from memdeploy.engine.crash import VARIABLE, Point
from tests.e2e.embedded import UP, Home, a_python
from tests.support import results

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).resolve().parents[2]
TITLE = "Crashes on this machine: killed at a point of each change in turn, then run again"
COLUMNS = ("provider", "command", "point", "expected", "tried", "converged")
DESTROY = ("destroy", "--yes", "--delete-data", "--no-final-backup")
KILLED = -signal.SIGKILL

Change = tuple[str, str]


class Chain:
    def __init__(self, home: Home) -> None:
        self.home = home

    def run(self, line: tuple[str, ...], crash: str | None = None) -> tuple[int, str]:
        told = self.home.folder / "told"
        told.unlink(missing_ok=True)
        user = self.home.memdeploy
        done = subprocess.run(
            [sys.executable, "-m", "tests.crash.told", str(told), *line, "--state", str(user.state), "--json"],
            env={**user.environ({VARIABLE: crash} if crash else {}), "PYTHONPATH": str(ROOT)},
            cwd=self.home.folder, capture_output=True, text=True, timeout=900,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def changes(self) -> list[Change]:
        """Of the last run, each once, in the order in which they were begun."""
        passed = [line.split(" ", 2) for line in (self.home.folder / "told").read_text().splitlines()]
        begun = [(step, verb) for point, step, verb in passed if point == Point.BEFORE_INTENT]
        return list(dict.fromkeys(begun))

    def undisturbed(self, line: tuple[str, ...]) -> list[Change]:
        code, said = self.run(line)
        assert code == 0, said[-3000:]
        return self.changes()

    def tried(self, line: tuple[str, ...], point: Point, changes: list[Change]) -> list[str]:
        """Kills run after run; what was wrong with which."""
        wrong = []
        for step, verb in changes:
            code, said = self.run(line, f"{point}:{step}:{verb}")
            if code != KILLED:
                wrong.append(f"{point}:{step}:{verb}: left with {code}: {said[-1500:]}")
        return wrong

    def there(self) -> list[str]:
        """Programs that run, and all of the deployment's own files, but for what the servers write by themselves."""
        programs = [f"runs: {Path(line.split()[1]).name}" for line in self.home.processes().values()]
        own = self.home.folder / ".local/share/memdeploy"
        files = [f"file: {path.name}" for path in own.glob("*/*")] if own.exists() else []
        return sorted([*programs, *files])


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    a_python()
    home = Home(tmp_path / "home", tmp_path / "cache")
    home.folder.mkdir()
    yield Chain(home)
    if (home.folder / "state" / "memmachine").exists():
        for pid in home.processes():
            os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    """Of this chain alone: a deployment keeps its port, also while none of its servers listens there."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_embedded(chain: Chain) -> None:
    up = (*UP, "--local-port", str(free_port()))
    chain.undisturbed(up)  # the first one of a machine also makes what all share
    chain.undisturbed(DESTROY)
    coming = chain.undisturbed(up)
    full = chain.there()
    going = chain.undisturbed(DESTROY)
    empty = chain.there()
    wrong: list[str] = []
    for point in Point:
        for line, changes, end in ((up, coming, full), (DESTROY, going, empty)):
            failed = chain.tried(line, point, changes)
            code, said = chain.run(line)
            converged = code == 0 and chain.there() == end
            failed += [] if converged else [f"{point}: {line[0]} left with {code}, {chain.there()}: {said[-1500:]}"]
            tried = len(changes)
            row = ("local, embedded", line[0], str(point), tried, tried, tried - len(failed))
            results.record("crash-local", TITLE, COLUMNS, [row], keys=3)
            wrong += failed
    assert not wrong, "\n".join(wrong)
