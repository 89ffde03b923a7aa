"""Logs of runs: one file of JSON lines for each, beside the journal; the last 20 are kept."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memdeploy.engine.events import Event
from memdeploy.state import files

KEPT = 20
_NAME = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[a-z-]+-[0-9a-f]{6}\.jsonl")


class RunLog:
    """An event sink (`engine.events.Sink`) that writes to a file of its own. Thread-safe; close it at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(handle, "w", encoding="utf-8", buffering=1)

    def __call__(self, event: Event) -> None:
        line = json.dumps(event.to_json(), default=str)
        with self._lock, contextlib.suppress(OSError):  # a log is a help: a full disk stops the run at its journal
            if not self._file.closed:
                self._file.write(line + "\n")

    def close(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._file.close()

    def forget(self) -> None:
        """Of a run that came to nothing."""
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


class RunLogs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, command: str, at: float) -> RunLog:
        """A new log; the oldest beyond `KEPT` go. `at` is seconds since the epoch. Raises
        `JournalError`."""
        files.make_folder(self._folder)
        moment = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
        try:
            for old in self.paths()[KEPT - 1 :]:
                old.unlink(missing_ok=True)
            return RunLog(self._folder / f"{moment}Z-{command}-{secrets.token_hex(3)}.jsonl")
        except OSError as error:
            raise files.unusable(self._folder, error) from error

    def paths(self) -> list[Path]:
        """Newest first."""
        if not self._folder.is_dir():
            return []
        return sorted((path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """Its events up to the first line that is none: the last one, as a rule, which a crash cut short."""
    for line in files.read(path).decode("utf-8", errors="replace").splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not (isinstance(found, dict) and isinstance(found.get("data"), dict)):
            return
        yield found
