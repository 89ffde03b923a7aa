"""Writes the tables of the last run into a page, with the commit they are of: `python -m tests.support.proof PAGE`.

Between the page's two markers; at its end when it has none.
"""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.support import results

BEGIN = "<!-- proof: made by `make proof`, do not edit -->"
END = "<!-- end of proof -->"


def markdown(tables: Iterable[results.Table]) -> str:
    return "\n".join(line for table in tables for line in ("", f"### {table.title}", "", *_lines(table)))


def placed(page: str, text: str) -> str:
    """The page with the text in the place of what stood between its markers."""
    before, begun, rest = page.partition(BEGIN)
    after = rest.partition(END)[2] if begun else "\n"
    return f"{before if begun else page.rstrip() + chr(10) * 2}{BEGIN}\n{text}\n\n{END}{after}"


def heading() -> str:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return f"\nOf commit {_git('rev-parse', '--short=12', 'HEAD')}{_changed()}, on {today}."


def _changed() -> str:
    return " with changes that are not committed" if _git("status", "--porcelain", "--", "src", "tests") else ""


def _git(*line: str) -> str:
    return subprocess.run(["git", *line], capture_output=True, text=True, check=True).stdout.strip()


def _lines(table: results.Table) -> list[str]:
    ruler = ["---" if place < table.keys else "---:" for place in range(len(table.columns))]
    return [f"| {' | '.join(str(cell) for cell in row)} |" for row in (table.columns, ruler, *table.rows)]


def main(path: Path) -> int:
    tables = list(results.tables().values())
    if not tables:
        print("no test told a result: the page stays as it is")
        return 1
    page = path.read_text() if path.exists() else "# Reliability\n"
    path.write_text(placed(page, f"{heading()}\n{markdown(tables)}"))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
