"""Who held a deployment, and whether it is free now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.text import clean, duration

_STANDING = {
    "gone": "its process has ended",
    "expired": "its lease has run out",
    "holding": "it was said to be gone",
    "damaged": "its lease was damaged",
}


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    name, holder = clean(data.get("deployment") or ""), data.get("holder")
    if holder is None:
        return [Text(f"{marks.done} nobody holds {name}")]
    who = _who(holder)
    if not data.get("unlocked"):
        return [Text(f"{marks.warning} {name} is held by {who}", style="yellow")]
    why = _STANDING.get(holder.get("standing"), "")
    return [Text(f"{marks.done} {name} is free; it was held by {who}: {why}", style="green")]


def _who(holder: Mapping[str, Any]) -> str:
    if "pid" not in holder:
        return "somebody unknown"
    run = f"`memdeploy {clean(holder.get('command') or '')}` of {clean(holder.get('user') or '')}"
    age = duration(holder["age"]) if isinstance(holder.get("age"), int | float) else "?"
    return f"{run} (pid {holder['pid']} on {clean(holder.get('host') or '')}, last sign of life {age} ago)"
