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
    checks = data.get("checks") or ()
    width = max((len(clean(check.get("name", ""))) for check in checks), default=0)
    found: list[RenderableType] = [_check(check, width, marks) for check in checks]
    verified = data.get("verified")
    if verified == "real":
        found.append(Text("A memory was stored, found and removed again.", style="green"))
    elif verified == "simulated":
        found.append(Text("Simulated: no server stands behind this rehearsal, no memory was stored.", style="yellow"))
    found.append(parts.pairs((("url", parts.address(data.get("url"), data)),)))
    return found


def _check(check: Mapping[str, Any], width: int, marks: Marks) -> Text:
    good = bool(check.get("ok"))
    seconds = check.get("seconds")
    time = duration(seconds) if isinstance(seconds, int | float) else ""
    text = Text(f"  {marks.done if good else marks.failed} ", style="green" if good else "red")
    text.append(
        joined((f"{clean(check.get('name', '')):<{width}}", time, clean(check.get("detail") or "")), "  "),
        style="default",
    )
    return text
