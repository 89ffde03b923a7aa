"""Files that hold secrets: written whole or not at all, readable by their owner alone, no link followed."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from memdeploy.errors import CloudError, ErrorKind


def write_json(path: Path, content: Any) -> None:
    """0600, durable before it returns."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    _sync(path.parent)


def make_above(path: Path) -> None:
    """What is missing above it, 0700 each: `mkdir(parents=True)` gives the mode to the last one only."""
    for missing in reversed([above for above in path.parents if not os.path.lexists(above)]):
        missing.mkdir(mode=0o700, exist_ok=True)


def not_ours(path: Path) -> CloudError:
    return CloudError(
        f"{path} is not a folder of this user (links are not followed)", kind=ErrorKind.PERMISSION,
        service="files", suggestion="Look at what it is, and remove it, or choose another place.",
    )  # fmt: skip


def require_own(folder: Path) -> None:
    """Raises `CloudError` unless it is a folder of this user, and no link to one; tightens its mode."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise not_ours(folder)
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)


def read_json(path: Path) -> Any:
    """Raises `CloudError` NOT_FOUND when there is none, INVALID when it is damaged."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise CloudError(f"{path} is not there", kind=ErrorKind.NOT_FOUND, service="files") from None
    with os.fdopen(handle) as file:
        try:
            return json.load(file)
        except ValueError:
            raise CloudError(f"{path} is damaged", kind=ErrorKind.INVALID, service="files") from None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
