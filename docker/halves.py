"""Memories that are in one of MemMachine's two stores only: what that means, apart from where it is found out.

MemMachine writes a memory to the relational store (`episodestore`) and to the one that search looks into (a graph, or
segments and vectors), without a transaction over both: when one fails, the add is answered 500 and the other keeps it
(memmachine-server 0.2.6 to 0.4.0, main/memmachine.py: `add_episodes`; 0.4.0 notes it as a TODO). Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHOWN = 1000  # uids of each kind in an answer


@dataclass(frozen=True)
class Searchable:
    """What search's store holds of one project. `whole` and `partial`: uids, the second without all that search needs.

    `doubled`: uids that are there more than once. `loose`: parts that belong to no memory.
    """

    whole: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()
    doubled: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        return self.whole | self.partial


@dataclass(frozen=True)
class Project:
    """`searched`: False when long-term memory is switched off for it, and search's store needs nothing."""

    key: str
    stored: frozenset[str]
    found: Searchable
    searched: bool = True
    undigested: int = 0

    @property
    def half(self) -> frozenset[str]:
        """Stored, but not to be found by a search, or found twice: what `repair` puts right."""
        if not self.searched:
            return frozenset()
        return (self.stored - self.found.whole) | (self.stored & self.found.doubled)

    @property
    def stray(self) -> frozenset[str]:
        """Found by a search, but not stored: its content is nowhere else."""
        return self.found.all - self.stored

    @property
    def consistent(self) -> bool:
        return not (self.half or self.stray or self.found.loose)

    def line(self) -> dict[str, Any]:
        return {
            "project": self.key, "stored": len(self.stored), "searchable": len(self.found.whole),
            "half": shown(self.half), "stray": shown(self.stray), "half_count": len(self.half),
            "stray_count": len(self.stray), "loose": len(self.found.loose), "long_term": self.searched,
            "undigested": self.undigested, "consistent": self.consistent,
        }  # fmt: skip


@dataclass(frozen=True)
class Look:
    """Everything, at one time."""

    projects: Mapping[str, Project] = field(default_factory=dict)
    features: int = 0

    @property
    def consistent(self) -> bool:
        return all(project.consistent for project in self.projects.values())

    def line(self) -> dict[str, Any]:
        lines = [project.line() for _, project in sorted(self.projects.items())]
        totals = {name: sum(line[name] for line in lines) for name in ("stored", "searchable", "undigested", "loose")}
        totals |= {name: sum(line[f"{name}_count"] for line in lines) for name in ("half", "stray")}
        return {"consistent": self.consistent, "projects": lines, "total": {**totals, "features": self.features}}


@dataclass(frozen=True)
class Task:
    """What `repair` does to one project: `uids` are stored anew in search's store, `loose` parts removed from it."""

    key: str
    uids: tuple[str, ...]
    loose: tuple[str, ...]


def tasks(first: Look, second: Look | None = None) -> list[Task]:
    """What two looks agree on: what a running server was just storing at the first is whole at the second."""
    agreed = []
    for key, project in sorted(first.projects.items()):
        later = second.projects.get(key) if second else project
        if later is None:
            continue
        task = Task(key, ordered(project.half & later.half), ordered(project.found.loose & later.found.loose))
        if task.uids or task.loose:
            agreed.append(task)
    return agreed


def ordered(uids: frozenset[str]) -> tuple[str, ...]:
    """Numbers by their size, others by their text."""
    return tuple(sorted(uids, key=lambda uid: (len(uid), uid) if uid.isdigit() else (0, uid)))


def shown(uids: frozenset[str]) -> list[str]:
    return list(ordered(uids)[:SHOWN])
