"""What the containers said, as the engine keeps it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from memdeploy.providers.base import LogLine, LogQuery
from memdeploy.providers.local.containers import found as looking
from memdeploy.providers.local.containers.environment import external, offline
from memdeploy.providers.local.scope import Scope

ROLES = ("service", "postgres", "neo4j", "model")
_LEVELS: Mapping[str, tuple[str, ...]] = {
    "error": ("ERROR", "FATAL", "PANIC", "CRITICAL", "SEVERE", "Traceback"),
    "warning": ("WARNING", "WARN"),
    "debug": ("DEBUG",),
}
_RANKS = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_WORDS = {word: level for level, words in _LEVELS.items() for word in words}
_FIRST = re.compile(rf"\b({'|'.join(_WORDS)})\b")
_BEGINNING = 80
"Characters of a line in which its severity stands: further on is what somebody stored."
_ABSENT = {
    "neo4j": "Neo4j is a server of yours here (neo4j.mode: external); its logs are where it runs",
    "model": "its model is not the offline one",
    "prepare": "its container is removed when it has ended; `up` shows its last lines when it fails",
    "build": "`up` shows what the engine's builder said when it fails",
}


def components(scope: Scope) -> tuple[str, ...]:
    missing = absent(scope)
    return tuple(role for role in ROLES if role not in missing)


def absent(scope: Scope) -> Mapping[str, str]:
    there = set()
    if not external(scope.deployment):
        there.add("neo4j")
    if offline(scope.deployment):
        there.add("model")
    return {name: why for name, why in _ABSENT.items() if name not in there}


def read(scope: Scope, query: LogQuery) -> Sequence[LogLine]:
    """Oldest first, the newest `limit` of them, of all containers of the component."""
    api = scope.engine.client.api
    lines: list[LogLine] = []
    for one in looking.of_role(scope, query.component):
        tail: Literal["all"] | int = query.limit if query.level is None else "all"
        since = query.since if query.since and query.since > 0 else None  # the SDK takes no other moment
        text = api.logs(one.id, timestamps=True, tail=tail, since=since)
        lines += parse(text.decode(errors="replace"), query.component, one.name)
    least = _RANKS.get(query.level or "debug", 0)
    chosen = [line for line in lines if _RANKS[line.level] >= least]
    return sorted(chosen, key=lambda line: line.at)[-query.limit :]


def parse(text: str, component: str, container: str) -> list[LogLine]:
    """Lines as the engine gives them: a time (RFC 3339, nanoseconds, UTC), a blank, what was said. A line that names no
    severity continues the one before."""
    found: list[LogLine] = []
    seen: dict[str, int] = {}
    level = "info"
    for row in text.splitlines():
        at, _, said = row.partition(" ")
        level = severity(said, level)
        seen[row] = seen.get(row, 0) + 1
        identity = hashlib.sha256(f"{container} {seen[row]} {row}".encode()).hexdigest()[:16]
        found.append(LogLine(identity, at, component, level, said))
    return found


def severity(said: str, before: str = "info") -> str:
    named = _FIRST.search(said[:_BEGINNING])
    if named:
        return _WORDS[named[1]]
    continues = said[:1] in (" ", "\t") or (before == "error" and said.startswith(("DETAIL", "HINT")))
    return before if continues else "info"
