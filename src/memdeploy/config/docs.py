"""The tables of docs/configuration.md, made from the options by `make docs` (`python -m memdeploy.config.docs`)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from memdeploy.config.options import OPTIONS, Option

BEGIN = "<!-- options: made by `make docs`, do not edit -->"
END = "<!-- end of options -->"


def tables() -> str:
    """One table a group, in the order of `OPTIONS`."""
    return "\n\n".join(_table(group, options) for group, options in groupby(OPTIONS, key=lambda o: o.group))


def marked(text: str) -> str:
    """What stands between the marks."""
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def placed(text: str) -> str:
    """`text` with the tables of now between the marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{rest.partition(END)[2]}"


def _table(group: str, options: Iterable[Option]) -> str:
    rows = [f"### {group}", "", "| key | flag | default | what |", "|---|---|---|---|"]
    return "\n".join([*rows, *(_row(option) for option in options)])


def _row(option: Option) -> str:
    allowed = " \\| ".join(f"`{choice}`" for choice in option.choices) or option.allowed.capitalize()
    default = option.default or ""
    return f"| `{option.path}`<br>`{option.env}` | `{option.flag}` | {default} | {option.help} {allowed}. |"


def write(folder: Path) -> None:
    """Brings configuration.md and memdeploy.schema.json of the folder up to date."""
    from memdeploy.config.schema import schema

    page = folder / "configuration.md"
    page.write_text(placed(page.read_text()))
    (folder / "memdeploy.schema.json").write_text(json.dumps(schema(), indent=2) + "\n")


if __name__ == "__main__":
    write(Path("docs"))
