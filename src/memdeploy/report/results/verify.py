"""The memory check alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.results import parts
from memdeploy.report.text import clean, duration, joined


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    found = parts.heading(data)
    found.extend(_check(check, marks) for check in data.get("checks") or ())
    verified = data.get("verified")
    if verified == "real":
        found.append(Text("A memory was stored, found and removed again.", style="green"))
    elif verified == "simulated":
        found.append(Text("Simulated: no server stands behind this rehearsal, no memory was stored.", style="yellow"))
    found.append(parts.pairs((("url", parts.address(data.get("url"), data)),)))
    return found


def _check(check: Mapping[str, Any], marks: Marks) -> Text:
    good = bool(check.get("ok"))
    seconds = check.get("seconds")
    time = duration(seconds) if isinstance(seconds, int | float) else ""
    text = Text(f"  {marks.done if good else marks.failed} ", style="green" if good else "red")
    text.append(joined((clean(check.get("name", "")), time, clean(check.get("detail") or "")), "  "), style="default")
    return text
