"""What MemMachine remembers, as its API gives and takes it: projects, episodes, features."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FLAGS = ("enabled", "long_term_memory_enabled", "short_term_memory_enabled")


@dataclass(frozen=True, order=True)
class ProjectId:
    org: str
    project: str

    @classmethod
    def parse(cls, text: str) -> ProjectId:
        """Of `org/project`, MemMachine's own key; neither part may hold a slash."""
        return cls(*text.split("/", 1))

    @property
    def body(self) -> dict[str, str]:
        return {"org_id": self.org, "project_id": self.project}

    def __str__(self) -> str:
        return f"{self.org}/{self.project}"


@dataclass(frozen=True)
class Project:
    """`config` holds resource ids; `flags` say which of its memories are switched on."""

    id: ProjectId
    description: str
    config: Mapping[str, Any]
    flags: Mapping[str, bool]

    @classmethod
    def read(cls, project: ProjectId, found: Mapping[str, Any], flags: Mapping[str, Any]) -> Project:
        return cls(
            project,
            found.get("description") or "",
            dict(found.get("config") or {}),
            {name: bool(flags[name]) for name in FLAGS if flags.get(name) is not None},
        )


@dataclass(frozen=True)
class Episode:
    """One memory. `uid` is a number up to 0.3.9, a UUID from 0.4.0 on. `repr` shows no content."""

    uid: str
    created_at: dt.datetime
    content: str = field(repr=False)
    producer: str
    role: str
    produced_for: str
    type: str
    metadata: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Episode:
        """From a list or a search; the first has more fields, none of which is stored."""
        return cls(
            uid=str(item.get("uid", "")),
            created_at=instant(item.get("created_at")),
            content=str(item["content"]),
            producer=str(item.get("producer_id") or ""),
            role=str(item.get("producer_role") or ""),
            # MemMachine stores what was not given as an empty text or as nothing, by the way it came in.
            produced_for=str(item.get("produced_for_id") or ""),
            type=str(item.get("episode_type") or "message"),
            metadata=dict(item.get("metadata") or {}),
        )

    @property
    def message(self) -> dict[str, Any]:
        """As a message of `POST /memories`, which takes metadata as texts only."""
        return {
            "content": self.content,
            "producer": self.producer,
            "role": self.role,
            "produced_for": self.produced_for,
            "timestamp": self.created_at.isoformat(),
            "metadata": {name: str(value) for name, value in self.metadata.items()},
            "episode_type": self.type,
        }


EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def instant(text: Any) -> dt.datetime:
    """An aware time in UTC. MemMachine writes no fraction when it is zero, so texts must never be compared."""
    if not text:
        return EPOCH
    found = dt.datetime.fromisoformat(str(text))
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


@dataclass(frozen=True)
class Feature:
    """What was learned. `citations` are uids of episodes; a list leaves them out."""

    id: str
    set_id: str
    category: str
    tag: str
    name: str
    value: str = field(repr=False)
    metadata: Mapping[str, str] = field(repr=False)
    citations: tuple[str, ...] = ()

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Feature:
        metadata = item.get("metadata") or {}
        return cls(
            id=str(metadata.get("id") or ""),
            set_id=str(item.get("set_id") or ""),
            category=str(item["category"]),
            tag=str(item["tag"]),
            name=str(item["feature_name"]),
            value=str(item["value"]),
            metadata={name: str(value) for name, value in (metadata.get("other") or {}).items()},
            citations=tuple(sorted(str(uid) for uid in metadata.get("citations") or ())),
        )

    @property
    def body(self) -> dict[str, Any]:
        return {
            "set_id": self.set_id,
            "category_name": self.category,
            "tag": self.tag,
            "feature": self.name,
            "value": self.value,
            "feature_metadata": dict(self.metadata) or None,
            "citations": list(self.citations),
        }
