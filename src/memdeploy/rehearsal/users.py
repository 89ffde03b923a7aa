"""Who works with the detached server of a state folder: it is started once, and ends when nobody needs it any more.

Locks of the system, so that whoever is killed holds none. One is shared by all who use the server; whoever ends it has
to have it alone. The other is for starting it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from memdeploy import private

_USERS, _START = "users", "start"


class Use:
    """The lock of one user, until the end of `using`."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def ended_as_last(self) -> bool:
        """Whether nobody else uses it; then nobody begins to before this one is over. To be asked once, at the end."""
        return private.taken(self._handle)


@contextlib.contextmanager
def using(folder: Path) -> Iterator[Use]:
    """Waits while somebody ends the server. OSError when the folder cannot be used."""
    handle = _locked(folder, _USERS, fcntl.LOCK_SH)
    try:
        yield Use(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def starting(folder: Path) -> Iterator[None]:
    """Waits while somebody else starts it. OSError when the folder cannot be used."""
    handle = _locked(folder, _START, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def unused(folder: Path) -> Iterator[bool]:
    """Whether nobody uses it; then nobody begins to meanwhile."""
    handle = private.open_file(folder / _USERS, os.O_RDWR)
    try:
        yield private.taken(handle)
    finally:
        os.close(handle)


def _locked(folder: Path, name: str, kind: int) -> int:
    while True:
        private.make_folder(folder)
        handle = private.open_file(folder / name, os.O_RDWR)
        try:
            fcntl.flock(handle, kind)
            if _is_there(folder / name, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # whoever ended it took the folder away: a lock of that one keeps nobody out


def _is_there(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False
