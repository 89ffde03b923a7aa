"""All deployments, one a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.text import ago, clean

_STYLES = {"ready": "green", "failed": "bold red", "unreadable": "bold red"}


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    found: Sequence[Mapping[str, Any]] = data.get("deployments") or ()
    if not found:
        return [Text(f"There is no deployment in {clean(data.get('root', ''))}; `memdeploy up` makes one.")]
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(overflow="fold")
    for _ in range(2):
        table.add_column(no_wrap=True, style="dim")
    for one in found:
        table.add_row(*_cells(one))
    return [table]


def _cells(one: Mapping[str, Any]) -> tuple[Text, ...]:
    status = clean(one.get("status", ""))
    where = Text(clean(one.get("target") or ""))
    if one.get("rehearsal"):
        where.append("  REHEARSAL", style="bold yellow")
    age = ago(one["age"]) if isinstance(one.get("age"), int | float) else ""
    return (
        Text(clean(one.get("deployment", "")), style="bold"),
        Text(status, style=_STYLES.get(status, "yellow")),
        where,
        Text(clean(one.get("release") or "")),
        Text(age),
    )
