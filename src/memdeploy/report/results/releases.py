"""Releases, one a line, and below them what becomes of memories from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.text import clean

_WAYS = {"in-place": ("in place", "green"), "migrate": ("migrate", "yellow"), "refused": ("refused", "bold red")}


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    reasons = [
        Text(f"{clean(one['version'])} is listed and not deployed: {clean(one['reason'])}.", "dim")
        for one in data["releases"]
        if one.get("reason")
    ]
    title = Text("From one to another, with what is stored:")
    return [_releases(data), *reasons, Text(), title, Padding(_upgrades(data), (0, 0, 0, 2))]


def _releases(data: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(4):
        table.add_column(overflow="fold")
    for one in data["releases"]:
        table.add_row(
            Text(clean(one["version"]), "bold"),
            Text("default" if one["default"] else ""),
            _tested(one["tested"]),
            Text(clean(one["upstream"]), "dim"),
        )
    return table


def _upgrades(data: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in data["upgrades"]:
        word, style = _WAYS.get(row["way"], (clean(row["way"]), ""))
        told = f"{clean(row['reason'])}. {clean(row.get('suggestion', ''))}".strip()
        table.add_row(
            Text(f"{clean(row['from'])} to {clean(row['to'])}"), Text(word, style), _tested(row["tested"]), Text(told)
        )
    return table


def _tested(tested: bool) -> Text:
    return Text("tested", "green") if tested else Text("untested", "yellow")
