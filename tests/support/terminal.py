"""A command on a terminal of its own: what it shows is read, what it asks for is typed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 120.0


@dataclass
class Terminal:
    """`process` has it as its controlling terminal, as a shell's command has."""

    process: subprocess.Popen[bytes]
    ours: int
    shown: str = field(default="")

    @classmethod
    def start(cls, arguments: list[str], folder: Path, environment: Mapping[str, str]) -> Terminal:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "memdeploy", *arguments],
            cwd=folder, env={**environment, "TERM": "dumb", "NO_COLOR": "1"},
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=_controlling(theirs),
        )  # fmt: skip
        os.close(theirs)
        return cls(process, ours)

    def until(self, text: str) -> None:
        """Reads on until it shows this."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} was not shown:\n{self.shown}"
            assert self._read(), f"it ended before it showed {text!r}:\n{self.shown}"

    def type(self, line: str) -> None:
        os.write(self.ours, f"{line}\n".encode())

    def end(self) -> int:
        """Its exit code, once all is read."""
        while self._read():
            pass
        os.close(self.ours)
        return self.process.wait(PATIENCE)

    def close(self) -> int:
        """Its exit code, once nobody sits there any more: the kernel sends it SIGHUP."""
        os.close(self.ours)
        return self.process.wait(PATIENCE)

    def echoes(self) -> bool:
        """Whether the terminal shows what is typed now."""
        return bool(termios.tcgetattr(self.ours)[3] & termios.ECHO)

    def _read(self) -> bool:
        if not select.select([self.ours], [], [], PATIENCE)[0]:
            return False
        try:
            read = os.read(self.ours, 65536)
        except OSError:  # Linux says so when the other side is closed
            return False
        self.shown += read.decode(errors="replace").replace("\r\n", "\n")
        return bool(read)


def _controlling(theirs: int) -> Callable[[], None]:
    def set_up() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as a shell's command has it, whatever these tests run under
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    return set_up
