"""Files that hold secrets: written whole or not at all, readable by their owner alone, no link followed."""

from __future__ import annotations

import contextlib
import json
import os
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
