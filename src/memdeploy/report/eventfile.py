"""`--events FILE`: the run's events as JSON lines, appended."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path
from typing import IO, Any

from memdeploy.engine.events import Event
from memdeploy.report.text import json_safe


class EventFile:
    """A sink. Each event is on disk's way before the next: whoever follows the file sees it at once. OSError for the
    first that could not be written; what follows is dropped, so that no line is torn."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def __call__(self, event: Event) -> None:
        record = {"kind": event.kind, "at": event.at, "step": event.step, "data": event.data}
        line = json_safe(json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=_unknown))
        with self._lock:
            if self._file.closed:
                return
            try:
                self._file.write(line + "\n")
                self._file.flush()
            except OSError:
                self._close()
                raise

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        with contextlib.suppress(OSError):  # what is still held back
            self._file.close()


def _unknown(value: Any) -> Any:
    """Mappings that are not dicts, sets, paths; never the inside of an object that we do not know."""
    if hasattr(value, "keys"):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return sorted(value, key=str)
    return str(value)
