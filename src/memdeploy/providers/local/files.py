"""Files that hold secrets: written whole or not at all, readable by their owner alone, no link followed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from memdeploy import private
from memdeploy.errors import CloudError, ErrorKind


def write_json(path: Path, content: Any) -> None:
    """0600, durable before it returns."""
    with private.whole(path) as file:
        file.write(json.dumps(content).encode())


def not_ours(path: Path) -> CloudError:
    return CloudError(
        f"{path} is not a folder of this user (links are not followed)", kind=ErrorKind.PERMISSION,
        service="files", suggestion="Look at what it is, and remove it, or choose another place.",
    )  # fmt: skip


def own_folder(path: Path) -> None:
    """Makes it, and what is missing above it, 0700. Raises `CloudError` for one that is there and not of this user, or
    a link to one; tightens its mode."""
    try:
        private.make_folder(path)
    except PermissionError as error:
        raise (not_ours(path) if os.path.lexists(path) else error) from error


def read_json(path: Path) -> Any:
    """Raises `CloudError` NOT_FOUND when there is none, INVALID when it is damaged."""
    try:
        handle = private.open_there(path, os.O_RDONLY)
    except FileNotFoundError:
        raise CloudError(f"{path} is not there", kind=ErrorKind.NOT_FOUND, service="files") from None
    with os.fdopen(handle) as file:
        try:
            return json.load(file)
        except ValueError:
            raise CloudError(f"{path} is damaged", kind=ErrorKind.INVALID, service="files") from None
