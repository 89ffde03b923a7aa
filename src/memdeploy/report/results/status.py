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
#: Of a deployment that was destroyed, with its data kept or some of it still held by the cloud.
_AT_REST = ("retained", "leftovers")
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
    return [*found, *_steps(steps, _good(data), marks), *parts.warnings(data, marks)]


def _good(data: Mapping[str, Any]) -> tuple[str, ...]:
    """States that are as they should be; what was removed is absent."""
    return (*_GOOD, "absent") if data.get("status") in _AT_REST else _GOOD


def _remembered(cached: object) -> str:
    if not isinstance(cached, Mapping) or not isinstance(cached.get("age"), int | float):
        return ""
    return f"{ago(cached['age'])}, from the journal; no cloud was asked"


def _steps(steps: Sequence[Mapping[str, Any]], good: tuple[str, ...], marks: Marks) -> list[RenderableType]:
    if not steps:
        return []
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style="dim")
    odd = [step for step in steps if step.get("state") not in good]
    for step in steps:
        table.add_row(
            _named(step, good, marks), Text(clean(step.get("state", ""))), Text(clean(step.get("reason") or ""))
        )
    drift: list[RenderableType] = [block for step in odd if step.get("changes") for block in _drift(step, marks)]
    return [Padding(table, (0, 0, 0, 2)), *drift, Text(_summary(steps, odd, good))]


def _named(step: Mapping[str, Any], good: tuple[str, ...], marks: Marks) -> Text:
    state = step.get("state")
    mark, style = (marks.done, "green") if state in good else (marks.warning, "yellow")
    if state == "absent" and state in good:
        mark, style = marks.waiting, "dim"
    return Text(" ").join((Text(mark, style=style), Text(clean(step.get("name", "")))))


def _summary(steps: Sequence[Mapping[str, Any]], odd: Sequence[object], good: tuple[str, ...]) -> str:
    there = sum(step.get("state") != "absent" for step in steps)
    whole = f"{counted(len(steps), 'step')}, {'all as wanted' if not odd else f'{len(odd)} not as wanted'}"
    return f"{counted(there, 'step')} of {len(steps)} left, the others are removed" if "absent" in good else whole


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
