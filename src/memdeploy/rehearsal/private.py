"""Files in a state folder that are its user's alone: 0600 in folders of 0700, never through a symbolic link, whole or
not there. Whoever finds a folder's name before its user does may have planted anything under it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path


def make_folder(path: Path) -> None:
    """It and what is missing above it; one of ours is tightened. PermissionError for a link, or another user's."""
    for missing in reversed([above for above in (path, *path.parents) if not os.path.lexists(above)]):
        missing.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "not a folder of this user (links are not followed)", str(path))
    if stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o700)


def open_file(path: Path, flags: int) -> int:
    """A descriptor of a plain file, made when it is not there. OSError for a link, a pipe or another user's file."""
    handle = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "not a plain file of this user", str(path))
        if stat.S_IMODE(found.st_mode) & 0o077:
            os.fchmod(handle, 0o600)
    except BaseException:
        os.close(handle)
        raise
    return handle


def write(path: Path, text: str) -> None:
    """Whoever reads sees the old text or the new, and a link in its place is replaced, not followed."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def read(path: Path) -> str:
    """OSError when there is none, for a link and for another user's file."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, encoding="utf-8") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "not a plain file of this user", str(path))
        return file.read()
