"""The memory check alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.results import archives, parts
from memdeploy.report.text import clean, duration, joined

_NAMED = 10


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    checks = data.get("checks") or ()
    width = max((len(clean(check.get("name", ""))) for check in checks), default=0)
    found: list[RenderableType] = [_check(check, width, marks) for check in checks]
    verified = data.get("verified")
    if verified == "real":
        found.append(Text("A memory was stored, found and removed again.", style="green"))
    elif verified == "simulated":
        found.append(Text("Simulated: no server stands behind this rehearsal, no memory was stored.", style="yellow"))
    found.extend(_counted(data, marks))
    found.append(parts.pairs((("url", parts.address(data.get("url"), data)),)))
    return found


def _counted(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    """--data: the sum, and a line for each project where the two sides differ."""
    looked = data.get("data")
    if not isinstance(looked, Mapping):
        return []
    good = bool(looked.get("consistent"))
    words = f"{archives.counts(looked)}, {'each in both databases' if good else 'not all in both databases'}"
    lines = [Text(f"{marks.done if good else marks.failed} {words}", style="green" if good else "red")]
    wrong = [one for one in looked.get("projects") or () if not one.get("consistent")]
    return [*lines, *(Text(f"  {_project(one)}") for one in wrong)]


def _project(one: Mapping[str, Any]) -> str:
    counts = f"{one.get('stored')} stored, {one.get('searchable')} searchable"
    named = ", ".join(clean(uid) for uid in (*(one.get("half") or ()), *(one.get("stray") or ()))[:_NAMED])
    return joined((f"{clean(one.get('project') or '')}: {counts}", named), "; ")


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
