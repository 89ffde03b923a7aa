"""What containers say and whether they start, as a test or a world file planted it: `POST /_rehearsal/containers` with
`{"containers": [{"name": "*-api", "lines": ["…"], "starts": false}]}`. For a rehearsal without an engine, where nothing
else would ever fail to start. `name` is a pattern over the service's or job's short name; the first that fits counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from memdeploy.rehearsal.store import Store

FACT = "keep/containers"
KEYS = {"name", "lines", "starts", "exit_code"}


@dataclass(frozen=True)
class Planted:
    """`exit_code` is a job's."""

    name: str
    lines: tuple[str, ...] = ()
    starts: bool = True
    exit_code: int = 0


def parse(given: Any) -> tuple[Planted, ...]:
    """Raises ValueError for what is not of that shape."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ValueError("containers: expected a list")
    return tuple(_one(entry) for entry in given)


def _one(entry: Any) -> Planted:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str) or set(entry) - KEYS:
        raise ValueError(f"containers: expected a name and of {sorted(KEYS)}, got {entry!r}")
    lines = tuple(str(line) for line in entry.get("lines") or ())
    return Planted(entry["name"], lines, bool(entry.get("starts", True)), int(entry.get("exit_code", 0)))


def plant(store: Store, given: Any) -> None:
    parse(given)
    store.put_fact(FACT, list(given))


def find(store: Store, short: str) -> Planted | None:
    return next((one for one in parse(store.fact(FACT, [])) if fnmatchcase(short, one.name)), None)
