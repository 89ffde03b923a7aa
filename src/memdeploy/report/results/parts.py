"""Parts that several results share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memdeploy.report import lines
from memdeploy.report.layout import Hanging, Pairs
from memdeploy.report.marks import Marks
from memdeploy.report.text import clean

REHEARSAL_NOTE = "REHEARSAL: an embedded copy of the cloud's API; nothing of this is in a cloud."


def heading(data: Mapping[str, Any]) -> list[RenderableType]:
    """Who and where; in a rehearsal a line that says so."""
    found: list[RenderableType] = [Text(lines.header(data), style="bold")]
    if data.get("rehearsal"):
        found.append(Text(REHEARSAL_NOTE, style="yellow"))
    return found


def warnings(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    """What the user should know of this configuration, as long as it is so."""
    first = Text(f"{marks.warning} ", style="yellow")
    return [Hanging(Text(clean(text), style="yellow"), first) for text in data.get("warnings") or ()]


def pairs(rows: Iterable[tuple[str, str | Text]]) -> RenderableType:
    """Names and values in two columns; rows without a value are left out."""
    shown = ((Text(name, style="dim"), Text(found) if isinstance(found, str) else found) for name, found in rows)
    return Pairs([(name, found) for name, found in shown if found])


def value(found: object) -> str:
    """A configuration value, shortly."""
    if found is None:
        return "not set"
    if isinstance(found, str):
        return clean(found) or '""'
    if isinstance(found, bool | int | float):
        return json.dumps(found)
    return clean(json.dumps(found, sort_keys=True, default=str))


def changes(items: Iterable[Mapping[str, Any]], marks: Marks) -> RenderableType:
    """path  old → new  effect, one row a change."""
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True, style="dim")
    for item in items:
        old_new = f"{value(item.get('old'))} {marks.arrow} {value(item.get('new'))}"
        table.add_row(Text(clean(item.get("path", ""))), Text(old_new), Text(clean(item.get("effect") or "")))
    return Padding(table, (0, 0, 0, 6))


def address(url: object, data: Mapping[str, Any]) -> Text:
    """A URL with REHEARSAL at it when it leads to no cloud."""
    text = Text(clean(url or ""), style="bold")
    if url and data.get("rehearsal"):
        text.append("  REHEARSAL", style="bold yellow")
    return text
