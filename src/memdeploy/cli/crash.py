"""The log of a defect of ours: where it happened, without the values of secrets."""

from __future__ import annotations

import os
import re
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path

from memdeploy.secret import HIDDEN, Secret, heard, hide

_SECRET_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_SECRET_SHAPES = re.compile(
    r"(?i:bearer\s+)[\w.~+/=-]{8,}"  # authorization headers
    r"|\bsk-[\w-]{8,}"  # model keys
    r"|\bya29\.[\w-]+"  # Google access tokens
    r"|\beyJ[\w-]{10,}\.[\w-]+(?:\.[\w-]*)?"  # JSON web tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)",  # user:password in addresses
    re.DOTALL,
)


def write(error: BaseException, folder: Path, secrets: Iterable[Secret], environ: Mapping[str, str]) -> Path:
    """Writes the traceback (no local variables) into a new 0600 file of `folder`; its path. Raises OSError, or
    `JournalError` where the folder is a link or another user's."""
    from memdeploy import __version__
    from memdeploy.state.files import make_folder

    named = (Secret(value) for name, value in environ.items() if _SECRET_NAMES.search(name))
    trace = redact("".join(traceback.format_exception(error)), (*secrets, *named))
    make_folder(folder)
    path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}.log"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"memdeploy {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n\n{trace}")
    return path


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """`text` without these values or any other that this process has held, in whatever dress, and without what looks
    like one."""
    return _SECRET_SHAPES.sub(HIDDEN, heard(hide(text, secrets)))


def folder() -> Path:
    """The user's log folder."""
    from platformdirs import user_log_path

    return user_log_path("memdeploy", appauthor=False)
