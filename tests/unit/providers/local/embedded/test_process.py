"""Processes in the background: found again by a lock, whatever became of their number."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from memdeploy.providers.local.embedded import launch, process
from memdeploy.providers.local.embedded.process import Command, Found
from tests.support.waiting import wait_for

WAITS = "import time; print('started', flush=True); time.sleep(600)"


class Rig:
    def __init__(self, folder: Path) -> None:
        self.pid_file, self.log = folder / "run" / "it.pid", folder / "logs" / "it.log"
        self.children: list[subprocess.Popen[bytes]] = []

    def start(self, code: str = WAITS, **environment: str) -> subprocess.Popen[bytes]:
        arguments = [sys.executable, "-c", code]
        child = process.start(
            Command(arguments, {"PATH": os.defpath, **environment}, {"key": "value"}, self.log, self.pid_file)
        )
        self.children.append(child)
        return child

    def up(self) -> Found:
        wait_for(lambda: self.log.exists() and "started" in self.log.read_text())
        found = process.look(self.pid_file)
        assert found is not None
        return found


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    for child in made.children:
        child.kill()
        child.wait()


def test_one_that_runs_is_found_with_what_was_written_of_it(rig: Rig) -> None:
    child = rig.start()
    assert rig.up() == Found(True, child.pid, {"key": "value"})
    assert oct(rig.pid_file.stat().st_mode & 0o777) == oct(rig.log.stat().st_mode & 0o777) == "0o600"
    assert os.getsid(child.pid) == child.pid, "a session of its own: no terminal's end is its end"


def test_its_environment_is_what_it_was_given_and_nothing_of_ours(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "secret")
    rig.start("import os; print('started', sorted(os.environ), flush=True); import time; time.sleep(600)", GIVEN="1")
    rig.up()
    names = set(json.loads(rig.log.read_text().partition("started ")[2].replace("'", '"')))
    assert names - {"LC_CTYPE"} == {"PATH", "GIVEN"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_one_that_ended_is_found_as_ended(rig: Rig, number: signal.Signals) -> None:
    child = rig.start()
    rig.up()
    process.end(rig.pid_file, number)
    child.wait()
    assert process.look(rig.pid_file) == Found(False, child.pid, {"key": "value"})


def test_a_number_that_somebody_else_has_by_now_is_never_signalled(rig: Rig) -> None:
    """As after a restart of the machine: the file is there, the process is another."""
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.DEVNULL) as stranger:
        rig.pid_file.parent.mkdir()
        rig.pid_file.write_text(json.dumps({"pid": stranger.pid, "started": 0, "facts": {}}))
        found = process.look(rig.pid_file)
        assert found is not None
        assert not found.alive
        process.end(rig.pid_file, signal.SIGKILL)
        assert stranger.poll() is None
        stranger.kill()


def test_a_second_one_is_not_started_beside_it(rig: Rig) -> None:
    first = rig.start()
    found = rig.up()
    second = rig.start()
    assert second.wait() == launch.BUSY
    assert process.look(rig.pid_file) == found
    assert found.pid == first.pid


def test_looking_keeps_nobody_from_starting(rig: Rig) -> None:
    for _ in range(5):
        child = rig.start("print('started', flush=True)")
        while child.poll() is None:
            process.look(rig.pid_file)
        assert child.returncode == 0


def test_a_file_that_says_nothing_yet_and_none_at_all(rig: Rig) -> None:
    assert process.look(rig.pid_file) is None
    rig.pid_file.parent.mkdir()
    rig.pid_file.write_text("")
    assert process.look(rig.pid_file) == Found(False)


def test_a_large_log_is_put_aside_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOG_BYTES", 100)
    rig.log.parent.mkdir()
    rig.log.write_text("x" * 101)
    rig.start("print('started', flush=True)").wait()
    assert rig.log.read_text() == "started\n"
    assert rig.log.with_suffix(".old").read_text() == "x" * 101
    rig.start("print('started', flush=True)").wait()
    assert rig.log.read_text() == "started\nstarted\n"


def test_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    assert process.tail(log) == ()
    log.write_text("".join(f"line {n}\n\n" for n in range(40)))
    assert process.tail(log, 3) == ("line 37", "line 38", "line 39")
