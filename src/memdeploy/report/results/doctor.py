"""What doctor found, a line a check; what to do about it under the line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.results import parts
from memdeploy.report.text import clean

_STYLES = {"passed": "green", "warning": "yellow", "failed": "bold red"}

_NAME = 26  # columns; a policy's name may be twice as long


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    checks: Sequence[Mapping[str, Any]] = data.get("checks") or ()
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", max_width=_NAME)
    table.add_column(overflow="fold")
    for check in checks:
        verdict = clean(check.get("verdict", ""))
        table.add_row(
            Text(verdict.upper(), style=_STYLES.get(verdict, "")), Text(clean(check.get("check", ""))), _said(check)
        )
    counts = Counter(str(check.get("verdict")) for check in checks)
    summary = ", ".join(f"{counts[name]} {name}" for name in _STYLES if counts[name])
    return [*parts.heading(data), Padding(table, (0, 0, 0, 2)), Text(summary)]


def _said(check: Mapping[str, Any]) -> Text:
    text = Text(clean(check.get("text") or ""))
    if check.get("remedy"):
        text.append(f"\n{clean(check['remedy'])}", style="dim")
    return text
