"""Processes forked from this one, which must have no other threads: runs of memdeploy, and the cloud they talk to."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

PATIENCE = 90.0
"""Seconds until a run that has not ended is killed: none takes more than a few."""
_LOOK = 0.001


class Process:
    """A forked child that calls `work` and leaves with what it returns. Its output goes to the file `output`."""

    def __init__(self, work: Callable[[], int], output: Path) -> None:
        assert threading.active_count() == 1, threading.enumerate()
        self.output = output
        self.pid = os.fork()
        if self.pid == 0:
            _be(work, output)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code, negative for a signal. TimeoutError: it hung, and is gone."""
        deadline = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"no end within {seconds:.0f} s: {self.output.read_text()[-2000:]}")
            time.sleep(_LOOK)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _be(work: Callable[[], int], output: Path) -> NoReturn:
    code = 70
    try:
        told = os.open(output, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        for stream in (1, 2):
            os.dup2(told, stream)
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115
        sys.stdout, sys.stderr = (open(stream, "w", closefd=False) for stream in (1, 2))  # noqa: SIM115
        code = work()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


@dataclass(frozen=True)
class User:
    """Who calls memdeploy: a folder of their own, in which the journals are too, and an environment."""

    folder: Path
    environment: Mapping[str, str]

    def start(self, line: tuple[str, ...], *, before: Callable[[], None] | None = None, **extra: str) -> Process:
        """`before` is called in the child, ahead of the command."""

        def work() -> int:
            os.chdir(self.folder)
            os.environ.clear()
            os.environ.update(self.environ(extra))
            if before is not None:
                before()
            return call(self.folder, line)

        return Process(work, self.folder / "output")

    def environ(self, extra: Mapping[str, str]) -> dict[str, str]:
        return {"PATH": os.defpath, "HOME": str(self.folder), "CI": "true", **self.environment, **extra}


def call(folder: Path, line: tuple[str, ...]) -> int:
    from memdeploy.cli.entry import main

    return int(main([*line, "--state", str(folder / "state"), "--json"]))
