"""`--events FILE`: the run's events as JSON lines, appended."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import IO, Any

from memdeploy.engine.events import Event
from memdeploy.report.text import json_safe


class EventFile:
    """A sink. Each event is on disk's way before the next: whoever follows the file sees it at once."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def __call__(self, event: Event) -> None:
        record = {"kind": event.kind, "at": event.at, "step": event.step, "data": event.data}
        line = json_safe(json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=_unknown))
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()


def _unknown(value: Any) -> Any:
    """Mappings that are not dicts, sets, paths; never the inside of an object that we do not know."""
    if hasattr(value, "keys"):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return sorted(value, key=str)
    return str(value)
