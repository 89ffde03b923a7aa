"""`--wire-log`: every request and answer, already redacted by the provider, as JSON lines in a file of the user's."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from memdeploy.errors import UsageError

Wire = Callable[[Mapping[str, Any]], None]


@contextlib.contextmanager
def wire_log(path: Path | None) -> Iterator[Wire | None]:
    """Appends; the file is the user's alone (0600), also one that was there, and no link to another file: in a folder
    for all somebody may have put one there. Raises `UsageError` when it cannot be."""
    if path is None:
        yield None
        return
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | _follow(path), 0o600)
        if stat.S_ISREG(os.fstat(handle).st_mode):
            os.fchmod(handle, 0o600)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", where="--wire-log") from error
    lock = threading.Lock()
    with os.fdopen(handle, "a", encoding="utf-8") as file:

        def record(entry: Mapping[str, Any]) -> None:
            with lock:
                file.write(json.dumps(entry, default=str) + "\n")
                file.flush()

        yield record


def _follow(path: Path) -> int:
    """A link is followed to what is no file: /dev/stderr is one."""
    try:
        return os.O_NOFOLLOW if stat.S_ISREG(path.stat().st_mode) else 0
    except OSError:
        return os.O_NOFOLLOW
