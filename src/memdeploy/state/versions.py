"""Files with a number in their name, `<stem>.<number>.json`: the highest counts, and taking a number is exclusive."""

from __future__ import annotations

import re
from pathlib import Path

from memdeploy.state.files import unusable

_NAME = re.compile(r"(?P<stem>[a-z0-9-]+)\.(?P<number>[1-9][0-9]*)\.json")


def path(folder: Path, stem: str, number: int) -> Path:
    return folder / f"{stem}.{number}.json"


def numbers(folder: Path, stem: str) -> list[int]:
    """Descending; empty when there are none. Raises `JournalError` when that cannot be seen."""
    return sorted((number for found, number in _all(folder) if found == stem), reverse=True)


def stems(folder: Path) -> list[str]:
    return sorted({stem for stem, _ in _all(folder)})


def _all(folder: Path) -> list[tuple[str, int]]:
    try:
        names = [entry.name for entry in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unusable(folder, error) from error
    matches = (_NAME.fullmatch(name) for name in names)
    return [(match["stem"], int(match["number"])) for match in matches if match]
