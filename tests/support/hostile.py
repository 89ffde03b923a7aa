"""What an attacker leaves in a folder before its user comes, and the modes that come of a careless umask."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def careless() -> Iterator[None]:
    """Whatever is made meanwhile and names no mode, anybody may read and write."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def modes(top: Path) -> dict[str, str]:
    """Path below `top` -> `folder 700`, `file 600`, of itself too."""
    found = (top, *top.rglob("*"))
    kinds = ((path, path.lstat().st_mode) for path in found)
    return {
        str(path.relative_to(top)): f"{'folder' if stat.S_ISDIR(mode) else 'file'} {stat.S_IMODE(mode):o}"
        for path, mode in kinds
        if stat.S_ISDIR(mode) or stat.S_ISREG(mode)
    }


PRIVATE = {"folder 700", "file 600"}


def elsewhere(folder: Path) -> Path:
    """A folder of the victim's with a file that must stay as it is."""
    folder.mkdir()
    (folder / "precious").write_text("as it was")
    return folder


def untouched(folder: Path) -> bool:
    return [path.name for path in folder.iterdir()] == ["precious"] and (folder / "precious").read_text() == "as it was"
