"""What backup, restore, upgrade and rollback say of an archive and of what was counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.report.text import clean, counted, joined, size


def archive(data: Mapping[str, Any]) -> tuple[str, str]:
    """Where it is, and how large."""
    number = data.get("bytes")
    return "archive", joined((clean(data.get("archive") or ""), size(number) if isinstance(number, int) else ""), ", ")


def holds(data: Mapping[str, Any]) -> tuple[str, str]:
    """`200 memories in 3 projects`."""
    found = data.get("holds")
    if not isinstance(found, Mapping) or not isinstance(found.get("projects"), Mapping):
        return "holds", ""
    projects = len(found["projects"])
    episodes = found.get("episodes")
    many = counted(episodes, "memory", "memories") if isinstance(episodes, int) else ""
    return "holds", joined((many, f"in {counted(projects, 'project')}"), " ")
