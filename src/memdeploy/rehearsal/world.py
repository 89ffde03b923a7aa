"""What is there before us. Without a file: every project exists, is billed, has its APIs off and denies nothing."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from memdeploy.rehearsal.call import Project
from memdeploy.rehearsal.store import Store

# https://cloud.google.com/resource-manager/docs/creating-managing-projects
PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
DEFAULT_HUB = ("neo4j:5.26-community",)
CALLER = "user:you@example.com"
KEYS = {"projects", "hub", "caller", "skew"}
PROJECT_KEYS = {"id", "number", "billing", "enabled", "deny", "allow", "quotas", "policies", "before"}
BEFORE_KEYS = {"service", "method", "path", "body", "query"}


@dataclass(frozen=True)
class Before:
    """A request of somebody else, sent before the rehearsal is ready."""

    service: str
    verb: str
    path: str
    query: str
    body: Any


@dataclass(frozen=True)
class World:
    """`projects` None: any project one may name."""

    projects: tuple[Project, ...] | None = None
    enabled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    before: tuple[Before, ...] = ()
    hub: tuple[str, ...] = DEFAULT_HUB
    caller: str = CALLER
    skew: float = 0.0
    "Seconds that this cloud's clock, as its answers tell it, is ahead of the machine's."


class Projects:
    """Projects by id or number. In a world without a file numbers are derived from ids and remembered."""

    def __init__(self, world: World, store: Store) -> None:
        self._listed = world.projects
        self._store = store

    def __call__(self, id_or_number: str) -> Project | None:
        if self._listed is not None:
            return next((p for p in self._listed if id_or_number in (p.id, p.number)), None)
        if id_or_number.isdigit():
            known = self._store.fact(f"project/{id_or_number}")
            return Project(known, id_or_number) if known else None
        if not PROJECT_ID.fullmatch(id_or_number):
            return None
        return Project(id_or_number, self._number(id_or_number))

    def _number(self, id_: str) -> str:
        number = str(100_000_000_000 + zlib.crc32(id_.encode()))
        if self._store.fact(f"project/{number}") is None:
            self._store.put_fact(f"project/{number}", id_)
        return number


def read(path: Path | None) -> World:
    """ValueError names the file, the place and what is expected there."""
    if path is None:
        return World()
    try:
        return parse_text(path.read_text())
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def parse_text(text: str | None) -> World:
    return World() if text is None else parse(yaml.safe_load(text) or {})


def parse(raw: Mapping[str, Any]) -> World:
    _only(raw, KEYS, "the world file")
    projects = raw.get("projects")
    listed = None if projects is None else tuple(_project(p, i) for i, p in enumerate(projects))
    return World(
        projects=listed,
        enabled={p["id"]: tuple(p.get("enabled") or ()) for p in projects or ()},
        before=tuple(b for p in projects or () for b in _before(p)),
        hub=tuple(raw.get("hub") or DEFAULT_HUB),
        caller=str(raw.get("caller") or CALLER),
        skew=float(raw.get("skew") or 0.0),
    )


def _project(raw: Mapping[str, Any], index: int) -> Project:
    where = f"projects[{index}]"
    _only(raw, PROJECT_KEYS, where)
    if not PROJECT_ID.fullmatch(str(raw.get("id", ""))):
        raise ValueError(f"{where}.id: expected a project id, got {raw.get('id')!r}")
    return Project(
        id=raw["id"],
        number=str(raw.get("number") or 100_000_000_000 + zlib.crc32(raw["id"].encode())),
        billing=bool(raw.get("billing", True)),
        quotas=raw.get("quotas") or {},
        policies=raw.get("policies") or {},
        denied=frozenset(raw.get("deny") or ()),
        allowed=None if raw.get("allow") is None else frozenset(raw["allow"]),
    )


def _before(project: Mapping[str, Any]) -> Sequence[Before]:
    found = []
    for index, raw in enumerate(project.get("before") or ()):
        where = f"project {project['id']}, before[{index}]"
        _only(raw, BEFORE_KEYS, where)
        path, _, query = str(raw.get("path", "")).partition("?")
        if not path.startswith("/") or "service" not in raw:
            raise ValueError(f"{where}: expected service, method, path (with its leading slash) and body")
        found.append(
            Before(raw["service"], raw.get("method", "POST"), path, query or raw.get("query", ""), raw.get("body"))
        )
    return found


def _only(raw: Mapping[str, Any], keys: set[str], where: str) -> None:
    if not isinstance(raw, Mapping):
        raise ValueError(f"{where}: expected a mapping")
    unknown = sorted(set(raw) - keys)
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(keys))}")
