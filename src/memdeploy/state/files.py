"""Private files: 0600 in folders of 0700, of our own user, never through a symbolic link, durable when said so."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

from memdeploy import private
from memdeploy.errors import JournalError

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
TEMPORARY = ".tmp"
MAKE_ROOM = "Make room or fix the permissions, then run the same command again: nothing is lost."


def make_folder(path: Path) -> None:
    """Makes it, and what is missing above it; tightens its mode. Raises `JournalError` when it is not ours."""
    try:
        private.make_missing(path)
    except OSError as error:
        raise unusable(path, error) from error
    check_folder(path)


def make_root(path: Path) -> None:
    """Makes it, private. One that is there stays as it is: it may be a folder of many uses (`--state .`)."""
    if not path.is_dir():
        make_folder(path)


def check_folder(path: Path) -> None:
    """Raises `JournalError` unless it is a folder of our own, and no link to one; tightens its mode."""
    try:
        found = path.lstat()
    except OSError as error:
        raise unusable(path, error) from error
    if not stat.S_ISDIR(found.st_mode):
        raise JournalError(f"{path} is not a folder (symbolic links are not followed)", where=str(path))
    if found.st_uid != os.geteuid():
        raise JournalError(
            f"{path} belongs to another user (uid {found.st_uid})",
            where=str(path),
            suggestion="Run memdeploy as that user, or choose another place with --state.",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o700)


def read(path: Path) -> bytes:
    """Raises FileNotFoundError when there is none, `JournalError` when it is a link or somebody else's."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise
        raise unusable(path, error) from error
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise JournalError(f"{path} is not a plain file of this user", where=str(path))
        return file.read()


def replace(path: Path, data: bytes) -> None:
    """Puts the data there as a whole and durably: whoever reads sees the old or the new."""
    temporary = _write_temporary(path, data)
    try:
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    private.sync_folder(path.parent)


def create(path: Path, data: bytes) -> bool:
    """As `replace`, but only if there is no such file: False when there is. Atomic between processes."""
    temporary = _write_temporary(path, data)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise JournalError(
                f"the file system of {path.parent} has no hard links, which keep two runs apart",
                where=str(path.parent),
                suggestion="Choose a folder on a local disk with --state.",
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
    private.sync_folder(path.parent)
    return True


def _write_temporary(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{TEMPORARY}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def unusable(path: Path, error: OSError) -> JournalError:
    """The error that a person is shown when the system refuses."""
    permissions = "Check its owner and permissions, or choose another place with --state."
    return JournalError(
        f"cannot use {path}: {error.strerror or error}",
        where=str(path),
        suggestion=MAKE_ROOM if error.errno in _FULL else permissions,
    )
