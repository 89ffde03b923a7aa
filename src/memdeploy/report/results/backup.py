"""Where the archive is, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.results import archives, parts
from memdeploy.report.text import clean


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    if "parts" not in data:
        return []
    name = clean(data.get("deployment") or "")
    return [
        Text(""),
        Text(f"{marks.done} {name}: saved and checked", style="bold green"),
        parts.pairs((archives.archive(data), archives.holds(data))),
        Text("It holds every memory: keep it where only you can read it.", style="dim"),
        Text(f"`memdeploy restore {clean(data['archive'])} --name NEW` brings it back.", style="dim"),
    ]
