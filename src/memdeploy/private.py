"""Files and folders that are their user's alone: 0600 in folders of 0700, never through a symbolic link, whole or not
there. Whoever finds a folder's name before its user does may have planted anything under it.

Knows nothing of memdeploy and imports the standard library alone: every room may use it, the rehearsal too.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES})
"Of file systems that keep names by themselves, and of a folder that may be written to and not read."
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH
_SHARED = stat.S_IRWXG | stat.S_IRWXO


# -- folders -----------------------------------------------------------------------------------------------------------


def make_missing(path: Path) -> None:
    """It and what is missing above it, 0700 all of it: whoever may write to a folder above can put another one in its
    place. (`mkdir(parents=True)` gives the mode to the last one only.) What is there stays as it is."""
    _make(path)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def make_folder(path: Path) -> None:
    """It and what is missing above it; one of ours is tightened. PermissionError for a link, or another user's."""
    _make(path)
    require_folder(path)


def require_folder(path: Path) -> None:
    """PermissionError unless it is a folder of this user, and no link to one; tightens its mode."""
    found = path.lstat()
    if not _ours(found, stat.S_ISDIR):
        raise PermissionError(errno.EPERM, "not a folder of this user (links are not followed)", str(path))
    if stat.S_IMODE(found.st_mode) & _SHARED:
        path.chmod(0o700)


def is_own(path: Path) -> bool:
    """Whether it is a folder of this user, no link to one, and nobody else may write to it."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return _ours(found, stat.S_ISDIR) and not found.st_mode & _WRITABLE


def _make(path: Path) -> None:
    for missing in reversed([above for above in (path, *path.parents) if not os.path.lexists(above)]):
        missing.mkdir(mode=0o700, exist_ok=True)


# -- files -------------------------------------------------------------------------------------------------------------


def open_file(path: Path, flags: int) -> int:
    """A descriptor of a plain file, made when it is not there. OSError for a link, a pipe or another user's file."""
    handle = open_there(path, flags | os.O_CREAT)
    try:
        if stat.S_IMODE(os.fstat(handle).st_mode) & _SHARED:
            os.fchmod(handle, 0o600)
    except BaseException:
        os.close(handle)
        raise
    return handle


def open_there(path: Path, flags: int) -> int:
    """As `open_file`, of a file that is there: FileNotFoundError when it is not. Its mode stays as it is."""
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        if not _ours(os.fstat(handle), stat.S_ISREG):
            raise PermissionError(errno.EPERM, "not a plain file of this user", str(path))
    except BaseException:
        os.close(handle)
        raise
    return handle


def create(path: Path) -> None:
    """An empty one, for a library that opens files by name. What is there, a link too, goes."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def taken(handle: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Takes the lock of an open file; False, at once, when somebody else's keeps it out."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def whole(path: Path, *, lasting: bool = True, drafts: Path | None = None) -> Iterator[IO[bytes]]:
    """Written under another name (in `drafts`, a folder of the same disk; else beside it), then put in its place, where
    a link is replaced and not followed: whoever reads sees the old file or the new. `lasting`: it is on the disk by
    then. Left by an error, the old one stays."""
    draft = (drafts or path.parent) / f".{path.name}.{secrets.token_hex(6)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            if lasting:
                file.flush()
                os.fsync(handle)
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    if lasting:
        try:
            sync_folder(path.parent)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise


def sync_folder(path: Path) -> None:
    """What was put there and taken away is on the disk afterwards."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, text: str) -> None:
    """Whoever reads sees the old text or the new."""
    with whole(path, lasting=False) as file:
        file.write(text.encode())


def read(path: Path) -> str:
    """OSError when there is none, for a link and for another user's file."""
    with os.fdopen(open_there(path, os.O_RDONLY), encoding="utf-8") as file:
        return file.read()


def _ours(found: os.stat_result, kind: Callable[[int], bool]) -> bool:
    return kind(found.st_mode) and found.st_uid == os.geteuid()
