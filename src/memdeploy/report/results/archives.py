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
    return "holds", counts(data.get("holds"))


def counts(found: object) -> str:
    """Of what the container's word `count` printed; empty when it is none of that."""
    if not isinstance(found, Mapping) or not isinstance(found.get("total"), Mapping):
        return ""
    memories = counted(int(found["total"].get("stored") or 0), "memory", "memories")
    return f"{memories} in {counted(len(found.get('projects') or ()), 'project')}"
