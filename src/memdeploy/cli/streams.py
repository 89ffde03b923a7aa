"""The three streams of a process: that they are there, and what becomes of a command when nobody can be told any more.

What is told while a command runs is a help: a pipe that was closed, a disk that is full or a terminal that has gone
ends no deployment half way. Its result is what was asked for: where that cannot be written, it is said, and the exit
code says it.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, TextIO

from memdeploy.errors import MemdeployError

_STREAMS = ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w"))


def settle() -> None:
    """Once, at the start. Whoever calls us may have closed any of them (`2>&-`): the next file that is opened, a
    journal, would have its number, and be written to by whatever library prints."""
    for number, name, mode in _STREAMS:
        _fill(number)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    sys.stderr = _heedless(sys.stderr)


def silence() -> None:
    """Nothing more is written to stdout, at exit neither: there it would be an error of Python's own."""
    with contextlib.suppress(OSError, ValueError):
        number = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


def unwritten(error: OSError) -> MemdeployError:
    return MemdeployError(
        f"the output could not be written: {error.strerror or error}",
        code="unwritten",
        where="stdout",
        suggestion="What the command did is done. `memdeploy status` and `memdeploy history` show it.",
    )


class _Heedless(io.FileIO):
    """What it cannot write is lost, and nobody's failure."""

    def write(self, data: Any) -> int:
        with contextlib.suppress(OSError):
            return super().write(data)
        return len(data)


def _heedless(stream: TextIO) -> TextIO:
    stream.flush()
    raw = io.BufferedWriter(_Heedless(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(raw, encoding=stream.encoding, errors=stream.errors, line_buffering=True)


def _fill(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
        os.set_inheritable(nowhere, True)
