"""A command on a terminal of its own: what it writes to a screen of so many columns."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass

_MOVING = re.compile(r"\x1b\[[0-9;?]*[A-HJKSTfhlu]")
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Screen:
    """`raw` as it was written."""

    code: int
    raw: str

    @property
    def lines(self) -> list[str]:
        """As they stay: without styles; of what was redrawn in place, every version."""
        return _lines(_MOVING.sub("\n", self.raw))

    @property
    def stays(self) -> list[str]:
        """What was written after everything that moved."""
        return _lines(_MOVING.split(self.raw)[-1])

    @property
    def coloured(self) -> bool:
        return re.search(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])m", self.raw) is not None


def _lines(text: str) -> list[str]:
    plain = _STYLE.sub("", text).replace("\r", "\n")
    return [line.rstrip() for line in plain.split("\n") if line.strip()]


def run(
    *arguments: str, environ: Mapping[str, str], columns: int = 80, rows: int = 24, answers: str = "", cwd: str = "/"
) -> Screen:
    """Standard input, output and error are one terminal; `answers` are typed at once."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "memdeploy", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, env=dict(environ), cwd=cwd, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, answers.encode())
    found = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return Screen(process.wait(60), found.decode(errors="backslashreplace"))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""
