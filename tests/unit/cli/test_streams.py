"""Whoever reads us may leave, and what we write to may be full: a run goes on, and its exit code stays true."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memdeploy.cli import streams
from memdeploy.engine.events import Event, EventKind, Sink
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result
from memdeploy.providers.base import LogLine, LogQuery
from tests.unit.cli.fakes import Lifecycle

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")

#: A `status` that tells much, then opens a file, and leaves with what it is told to, 3 by default.
_RUN = """
import os, sys
from memdeploy.engine.events import Event, EventKind
from memdeploy.errors import ExitCode
from memdeploy.lifecycle import status as module
from memdeploy.lifecycle.result import Result

path = sys.argv.pop()

def status(request, sink):
    for number in range(200):
        sink(Event(EventKind.NOTICE, 0.0, data={"text": f"{number} " + "x" * 100, "level": "warning"}))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(handle, str(handle).encode())
    return Result("status", "error", int(os.environ.get("CODE", ExitCode.REFUSED)), {"deployment": "one", "steps": []})

module.status = status
from memdeploy.__main__ import main
main()
"""


def gone() -> int:
    """The end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def ended(tmp_path: Path, *more: str, **given: Any) -> tuple[int, str, str]:
    """Exit code, what was said on stderr, and the number of the file that it opened at its end."""
    said, number = tmp_path / "stderr", tmp_path / "number"
    with said.open("w") as file:
        found = subprocess.run(
            [sys.executable, "-c", _RUN, "status", *more, str(number)],
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": file, **given},
            timeout=60, check=False,
        )  # fmt: skip
    return found.returncode, said.read_text(), number.read_text()


@pytest.mark.parametrize(
    "stderr", [gone, pytest.param(lambda: os.open(FULL, os.O_WRONLY), marks=needs_full)], ids=["pipe", "full"]
)
def test_a_run_goes_on_when_nobody_can_be_told(tmp_path: Path, stderr: Callable[[], int]) -> None:
    handle = stderr()
    try:
        code, _, opened = ended(tmp_path, stderr=handle)
    finally:
        os.close(handle)
    assert (code, opened != "") == (3, True)


def test_streams_that_the_caller_closed_are_no_files_of_ours(tmp_path: Path) -> None:
    """Else the journal would be number 2, and a library's warning would be written into it."""
    code, _, opened = ended(tmp_path, preexec_fn=lambda: os.closerange(0, 3))
    assert code == 3
    assert int(opened) > 2


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_reader_that_has_enough_hides_no_failure(tmp_path: Path, more: list[str]) -> None:
    handle = gone()
    try:
        code, said, _ = ended(tmp_path, *more, stdout=handle)
    finally:
        os.close(handle)
    assert code == 3
    assert "internal" not in said
    assert "Error" not in said


@needs_full
@pytest.mark.parametrize("more", [[], ["--json"]])
@pytest.mark.parametrize(("of_command", "expected"), [(0, 1), (3, 3), (143, 143)])
def test_a_result_that_could_not_be_written_is_said_to_be(
    tmp_path: Path, more: list[str], of_command: int, expected: int
) -> None:
    with FULL.open("w") as full:
        code, said, _ = ended(tmp_path, *more, stdout=full, env={**os.environ, "CODE": str(of_command)})
    assert code == expected
    assert "the output could not be written: No space left on device" in said
    assert "Traceback" not in said
    assert "Exception" not in said


@needs_full
def test_a_file_of_events_that_is_full_is_told_once_and_ends_nothing(tmp_path: Path) -> None:
    def act(request: Request, sink: Sink) -> Result:
        for _ in range(3):
            sink(Event(EventKind.NOTICE, 0.0, data={"text": "on its way", "level": "info"}))
        return Result(request.command, "success", data={"deployment": "one"})

    found = Lifecycle(tmp_path, act).run(f"up --yes --provider gcp --events {FULL}")
    assert found.exit_code == 0
    assert found.stderr.count("cannot be written any more: No space left on device") == 1
    assert found.stderr.count("on its way") == 3


@pytest.mark.parametrize(("error", "code"), [(BrokenPipeError(32, "Broken pipe"), 0), (OSError(28, "No space"), 1)])
def test_who_follows_a_log_may_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, code: int
) -> None:
    def act(request: Request, sink: Sink) -> Result:
        def write(text: str) -> int:
            raise error

        assert request.show is not None
        assert request.logs == LogQuery("service")
        monkeypatch.setattr(sys.stdout, "write", write)
        monkeypatch.setattr(streams, "silence", monkeypatch.undo)
        request.show(LogLine("1", "2026-11-22T10:00:00+00:00", "service", "info", "text"))
        raise AssertionError("it went on")

    found = Lifecycle(tmp_path, act).run("logs --follow --name one")
    assert found.exit_code == code, found.output
    assert ("could not be written" in found.stderr) is (code == 1)
    assert "internal" not in found.stderr
