"""What long tests found, as tables: `{title, columns, keys, rows}` in one JSON file for each table and worker.

Rows that agree in the first `keys` columns are one row; their numbers are added up. The folder is that of the variable
MEMDEPLOY_TEST_RESULTS, else one in pytest's own cache.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

VARIABLE = "MEMDEPLOY_TEST_RESULTS"
DEFAULT = Path(__file__).resolve().parents[2] / ".pytest_cache" / "memdeploy-results"

Cell = str | int | float
Row = Sequence[Cell]


@dataclass
class Table:
    """The first `keys` columns say what a row is about, the others are numbers."""

    title: str
    columns: Sequence[str]
    keys: int = 1
    rows: list[list[Cell]] = field(default_factory=list)

    def add(self, rows: Iterable[Row]) -> None:
        """A row whose keys are there already adds to that one; others keep their order."""
        known = {tuple(row[: self.keys]): row for row in self.rows}
        for row in rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: {len(row)} cells for the columns {', '.join(self.columns)}")
            key = tuple(row[: self.keys])
            found = known.get(key)
            if found is None:
                known[key] = [*row]
                self.rows.append(known[key])
            else:
                found[self.keys :] = [old + new for old, new in zip(found[self.keys :], row[self.keys :], strict=True)]  # type: ignore[operator]


def folder() -> Path:
    return Path(os.environ.get(VARIABLE) or DEFAULT)


def record(name: str, title: str, columns: Sequence[str], rows: Iterable[Row], *, keys: int = 1) -> None:
    """Adds rows to this worker's file of the table `name`, which is `a-z` and dashes."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    path = folder() / f"{name}.{worker}.json"
    table = _read(path) if path.exists() else Table(title, list(columns), keys)
    table.add(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(f".{os.getpid()}")
    whole.write_text(json.dumps(table.__dict__, indent=1) + "\n")
    whole.replace(path)


def tables(where: Path | None = None) -> dict[str, Table]:
    """Every table there is, by name, of all workers together."""
    merged: dict[str, Table] = {}
    for path in sorted((where or folder()).glob("*.*.json")):
        part = _read(path)
        name = path.name.split(".")[0]
        merged.setdefault(name, Table(part.title, part.columns, part.keys)).add(part.rows)
    return merged


def lines(table: Table) -> list[str]:
    """For people: each column as wide as its widest cell."""
    texts = [[str(cell) for cell in row] for row in (table.columns, *table.rows)]
    widths = [max(len(text) for text in column) for column in zip(*texts, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in texts]


def clear() -> None:
    """Before a run: what an earlier one found is no result of this one."""
    for path in folder().glob("*.*.json"):
        path.unlink()


def _read(path: Path) -> Table:
    return Table(**json.loads(path.read_text()))
