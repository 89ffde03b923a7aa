"""`--wire-log`: every request and answer, already redacted by the provider, as JSON lines in a file of the user's."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from memdeploy.errors import UsageError

Wire = Callable[[Mapping[str, Any]], None]


@contextlib.contextmanager
def wire_log(path: Path | None, warn: Callable[[str], None] = lambda text: None) -> Iterator[Wire | None]:
    """Appends; the file is the user's alone (0600), also one that was there, and no link to another file: in a folder
    for all somebody may have put one there. Raises `UsageError` when it cannot be. Full in mid-run: `warn` is told, and
    no more is written; the exchange that it was to record has had its effect, and is no failure."""
    if path is None:
        yield None
        return
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | _follow(path), 0o600)
        if stat.S_ISREG(os.fstat(handle).st_mode):
            os.fchmod(handle, 0o600)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", where="--wire-log") from error
    lock, file = threading.Lock(), os.fdopen(handle, "a", encoding="utf-8")

    def record(entry: Mapping[str, Any]) -> None:
        with lock:
            if file.closed:
                return
            try:
                file.write(json.dumps(entry, default=str) + "\n")
                file.flush()
            except OSError as error:
                _close(file)
                warn(f"{path} cannot be written any more: {error.strerror}")

    try:
        yield record
    finally:
        with lock:
            _close(file)


def _close(file: IO[str]) -> None:
    with contextlib.suppress(OSError):  # what is still held back
        file.close()


def _follow(path: Path) -> int:
    """A link is followed to what is no file: /dev/stderr is one."""
    try:
        return os.O_NOFOLLOW if stat.S_ISREG(path.stat().st_mode) else 0
    except OSError:
        return os.O_NOFOLLOW
