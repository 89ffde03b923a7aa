"""What MemMachine and the offline model said: their files, read from the end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from memdeploy import private
from memdeploy.config.model import ModelProvider
from memdeploy.providers.base import LogLine, LogQuery
from memdeploy.providers.local.embedded import layout
from memdeploy.providers.local.scope import Scope

COMPONENTS = ("service", "model", "prepare")
MOST = 8_000_000
"Bytes that are read of a log, the last ones."
LEVELS = ("debug", "info", "warning", "error", "critical")
#: `2026-11-26 04:26:33,695 [INFO] name - text`, MemMachine's own; in UTC, see `variables.around`.
_TIMED = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),(\d{3}) \[([A-Z]+)\] ")
#: `INFO:     text`, uvicorn's.
_UNTIMED = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL): +")
_NONE_OF_IT: Mapping[str, str] = {
    "neo4j": "the embedded runtime keeps memories in files",
    "postgres": "the embedded runtime keeps memories in files",
    "build": "the embedded runtime builds no image",
}
_NO_MODEL = "a model of a provider's answers here, not the offline one"


@dataclass(frozen=True)
class _Head:
    """What a line without a time of its own takes from the one before it."""

    at: str = ""
    level: str = "info"


def components(scope: Scope) -> tuple[str, ...]:
    return tuple(name for name in COMPONENTS if name not in absent(scope))


def absent(scope: Scope) -> Mapping[str, str]:
    offline = scope.deployment.model.provider is ModelProvider.OFFLINE
    return _NONE_OF_IT if offline else {**_NONE_OF_IT, "model": _NO_MODEL}


def read(scope: Scope, query: LogQuery) -> Sequence[LogLine]:
    """Oldest first, the newest `limit` of them."""
    chosen = [line for line in _lines(layout.log(scope, query.component), query.component) if _wanted(line, query)]
    return tuple(chosen[-query.limit :])


def _wanted(line: LogLine, query: LogQuery) -> bool:
    if query.level is not None and LEVELS.index(line.level) < LEVELS.index(query.level):
        return False
    return query.since is None or (bool(line.at) and datetime.fromisoformat(line.at).timestamp() >= query.since)


def _lines(path: Path, component: str) -> Iterator[LogLine]:
    """A line's id is its place in its file, so it is the same when it is read again."""
    try:
        file = os.fdopen(private.open_there(path, os.O_RDONLY), "rb")
    except FileNotFoundError:
        return
    with file:
        status = os.fstat(file.fileno())
        place = max(0, status.st_size - MOST)
        file.seek(place)
        head = _Head()
        for raw in file:
            text = raw.decode(errors="replace").rstrip()
            head = _head(text, head)
            if text:
                yield LogLine(f"{status.st_ino}-{place}", head.at, component, head.level, text)
            place += len(raw)


def _head(text: str, before: _Head) -> _Head:
    if timed := _TIMED.match(text):
        at = datetime.fromisoformat(f"{timed[1]}T{timed[2]}.{timed[3]}").replace(tzinfo=UTC)
        return _Head(at.isoformat(), _level(timed[4]))
    if untimed := _UNTIMED.match(text):
        return _Head(before.at, _level(untimed[1]))
    return before


def _level(word: str) -> str:
    return word.lower() if word.lower() in LEVELS else "info"
