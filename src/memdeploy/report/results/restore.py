"""What was brought back, from where, into what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.results import archives, parts
from memdeploy.report.text import clean


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    if not data.get("verified"):
        return []
    name = clean(data.get("deployment") or "")
    rows = (archives.archive(data), archives.holds(data), ("url", parts.address(data.get("url"), data)))
    return [
        Text(""),
        Text(f"{marks.done} {name}: restored, counted and verified", style="bold green"),
        parts.pairs(rows),
    ]
