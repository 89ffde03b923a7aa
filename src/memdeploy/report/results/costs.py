"""The monthly estimate by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memdeploy.report.text import clean

_LIVE = "live"


def render(data: Mapping[str, Any]) -> list[RenderableType]:
    """Nothing unless it was asked for; what costs nothing a month is left out."""
    found = data.get("costs")
    if not isinstance(found, Mapping):
        return []
    grid = Table.grid(padding=(0, 2))
    for _ in range(2):
        grid.add_column(overflow="fold")
    for _ in range(2):
        grid.add_column(justify="right", no_wrap=True)
    lines = found.get("lines") or ()
    some_live = any(line.get("source") == _LIVE for line in lines)
    for line in lines:
        if line.get("usd"):
            grid.add_row(*_cells(line), *([Text(clean(line.get("source") or ""), style="dim")] if some_live else []))
    said = [Text(f"- {clean(text)}", style="dim") for text in found.get("notices") or ()]
    if not lines and not found.get("prices"):
        return [Text(f"It costs nothing a month, but {clean(found.get('not_included') or '')}.", style="dim")]
    return [Text("A month:"), Padding(grid, (0, 0, 0, 2)), _note(found), *said]


def _note(found: Mapping[str, Any]) -> Text:
    dated, missing = clean(found.get("prices") or "?"), clean(found.get("not_included") or "")
    of = "of now, as the cloud tells them" if dated == _LIVE else f"of {dated}"
    return Text(f"An estimate by list prices {of}. Not in it: {missing}.", style="dim")


def _cells(line: Mapping[str, Any]) -> tuple[Text, ...]:
    amount = f"{line['quantity']:,.0f} {clean(line['unit'])} at ${_price(line['unit_price'])}"
    return Text(clean(line["step"])), Text(clean(line["what"])), Text(amount), Text(f"${line['usd']:,.2f}")


def _price(dollars: float) -> str:
    """Without an exponent: prices a second are small."""
    return f"{dollars:.7f}".rstrip("0").rstrip(".")
