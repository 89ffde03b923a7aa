"""Tables that tests fill, whichever worker they run in, and that the end of the whole run shows.

Rows that agree in all their words are one row, and their numbers are added up. Where MEMDEPLOY_TEST_RESULTS names a
folder, each table is written there too, as `<name>.json`: {"title", "columns", "rows"}, rows as lists.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

RESULTS = "MEMDEPLOY_TEST_RESULTS"
PROPERTY = "table"
Cell = str | int


@dataclass
class Table:
    title: str
    columns: list[str]
    rows: dict[tuple[str, ...], list[Cell]] = field(default_factory=dict)

    def add(self, row: list[Cell]) -> None:
        words = tuple(cell for cell in row if isinstance(cell, str))
        known = self.rows.get(words)
        self.rows[words] = row if known is None else [_sum(*pair) for pair in zip(known, row, strict=True)]

    def lines(self) -> list[str]:
        """For people: columns one under another."""
        texts = [self.columns, *([str(cell) for cell in row] for row in self.sorted())]
        widths = [max(len(text) for text in column) for column in zip(*texts, strict=True)]
        return ["  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)).rstrip() for row in texts]

    def sorted(self) -> list[list[Cell]]:
        return [self.rows[words] for words in sorted(self.rows)]

    def to_json(self) -> dict[str, Any]:
        return {"title": self.title, "columns": self.columns, "rows": self.sorted()}


def fill(record_property: Callable[[str, object], None], name: str, title: str, row: Mapping[str, Cell]) -> None:
    """From a test, before it may fail: one row, by column."""
    record_property(PROPERTY, {"name": name, "title": title, "row": dict(row)})


def collect(reports: Iterable[pytest.TestReport]) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for report in reports:
        for key, told in report.user_properties if report.when == "call" else ():
            if key == PROPERTY:
                table = found.setdefault(told["name"], Table(told["title"], list(told["row"])))
                table.add(list(told["row"].values()))
    return found


def write(tables: Mapping[str, Table], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        (folder / f"{name}.json").write_text(json.dumps(table.to_json(), indent=1) + "\n")


def _sum(one: Cell, other: Cell) -> Cell:
    return one + other if isinstance(one, int) and isinstance(other, int) else one
