"""Past runs, newest first; one run with its steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.results import parts
from memdeploy.report.text import clean, duration

_STYLES = {"success": "green", "partial": "yellow", "unfinished": "yellow", "running": "bold", "error": "bold red"}
_FAILED = ("failed",)


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    runs: Sequence[Mapping[str, Any]] = data.get("runs") or ()
    if not runs:
        return [*parts.heading(data), Text("No run is on record.")]
    table = Table.grid(padding=(0, 2))
    for _ in range(6):
        table.add_column(overflow="fold")
    for run in runs:
        table.add_row(*_cells(run))
    steps = [_steps(run["steps"], marks) for run in runs if run.get("steps")]
    return [*parts.heading(data), Padding(table, (0, 0, 0, 2)), *steps]


def _cells(run: Mapping[str, Any]) -> tuple[Text, ...]:
    status = clean(run.get("status", ""))
    code = f" ({run['exit_code']})" if run.get("exit_code") else ""
    return (
        Text(_when(run.get("at"))),
        Text(clean(run.get("command") or ""), style="bold"),
        Text(f"{status}{code}", style=_STYLES.get(status, "")),
        Text(_seconds(run)),
        Text(clean(run.get("by") or ""), style="dim"),
        Text(clean(run.get("run", "")).partition("-")[0], style="dim"),
    )


def _steps(steps: Sequence[Mapping[str, Any]], marks: Marks) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for _ in range(4):
        table.add_column(overflow="fold")
    for step in steps:
        failed = step.get("status") in _FAILED
        mark = Text(marks.failed if failed else marks.done, style="red" if failed else "green")
        name = Text(" ").join((mark, Text(clean(step.get("name", "")))))
        reason = Text(clean(step.get("reason") or ""), style="dim")
        table.add_row(name, Text(clean(step.get("status", ""))), Text(_seconds(step)), reason)
    return Padding(table, (0, 0, 0, 4))


def _when(at: object) -> str:
    """In the reader's own time."""
    try:
        return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return "?"


def _seconds(entry: Mapping[str, Any]) -> str:
    seconds = entry.get("seconds")
    return duration(seconds) if isinstance(seconds, int | float) and math.isfinite(seconds) else ""
