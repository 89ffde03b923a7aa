"""How a deployment is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.results import parts
from memdeploy.report.text import ago, clean, counted

#: `status` warns so many days before the certificate between MemMachine and Neo4j ends.
WARN_DAYS = 90
_GOOD = ("present", "kept", "done", "removed")
_HEALTH_STYLES = {"healthy": "green", "unhealthy": "bold red"}


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    steps: Sequence[Mapping[str, Any]] = data.get("steps") or ()
    health = clean(data.get("health") or "unknown")
    found = [
        *parts.heading(data),
        parts.pairs(
            (
                ("health", Text(health, style=_HEALTH_STYLES.get(health, "yellow"))),
                ("because", clean(data.get("reason") or "")),
                ("as of", _remembered(data.get("cached"))),
                ("url", parts.address(data.get("url"), data)),
                ("access", clean(data.get("access") or "")),
                ("image", clean(data.get("image") or "")),
                ("certificate", _certificate(data.get("certificate"))),
            )
        ),
    ]
    odd = [step for step in steps if step.get("state") not in _GOOD]
    return [*found, *_steps(steps, odd, marks), *parts.warnings(data, marks)]


def _remembered(cached: object) -> str:
    if not isinstance(cached, Mapping) or not isinstance(cached.get("age"), int | float):
        return ""
    return f"{ago(cached['age'])}, from the journal; no cloud was asked"


def _steps(steps: Sequence[Mapping[str, Any]], odd: Sequence[Mapping[str, Any]], marks: Marks) -> list[RenderableType]:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style="dim")
    for step in steps:
        good = step.get("state") in _GOOD
        mark = Text(marks.done if good else marks.warning, style="green" if good else "yellow")
        name = Text(" ").join((mark, Text(clean(step.get("name", "")))))
        table.add_row(name, Text(clean(step.get("state", ""))), Text(clean(step.get("reason") or "")))
    drift: list[RenderableType] = [block for step in odd if step.get("changes") for block in _drift(step, marks)]
    summary = f"{counted(len(steps), 'step')}, {'all as wanted' if not odd else f'{len(odd)} not as wanted'}"
    return [Padding(table, (0, 0, 0, 2)), *drift, Text(summary)] if steps else drift


def _drift(step: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    return [Text(f"  {clean(step.get('name', ''))} differs:"), parts.changes(step["changes"], marks)]


def _certificate(found: object) -> Text:
    if not isinstance(found, Mapping):
        return Text("")
    days = found.get("days_left")
    text = Text(f"ends {clean(found.get('not_after') or 'at an unknown time')[:18].partition('T')[0]}")
    if isinstance(days, int) and days < WARN_DAYS:
        text.append(f"  in {counted(days, 'day')}" if days >= 0 else "  it has ended", style="bold yellow")
    return text
