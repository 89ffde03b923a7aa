"""What was returned to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.results import archives, parts
from memdeploy.report.text import clean


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    if not data.get("changed"):
        return []
    title = f"{marks.done} {clean(data.get('deployment') or '')}: back on MemMachine {clean(data.get('to') or '')}"
    return [Text(""), Text(title, style="bold green"), parts.pairs((archives.archive(data), archives.holds(data)))]
