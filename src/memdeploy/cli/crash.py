"""A defect of ours: told shortly, its log says where it happened, and neither holds the value of a secret. Nor is there
any other trace of one: no traceback of a thread, no image of the process's memory."""

from __future__ import annotations

import itertools
import os
import re
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memdeploy.errors import MemdeployError
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


_number = itertools.count(1)


def defect(error: BaseException, secrets: Iterable[Secret], environ: Mapping[str, str]) -> MemdeployError:
    """What nobody foresaw, as an error without its details: those stand in the crash log."""
    try:
        path: Any = write(error, folder(), secrets, environ)
    except OSError as problem:
        path = f"nowhere: {problem.strerror}"
    except MemdeployError as problem:
        path = f"nowhere: {problem.message}"
    return MemdeployError(
        f"memdeploy itself failed ({type(error).__name__}); the details are in {path}",
        code="internal",
        suggestion="Run the command again; if it fails again, report it with that file (it holds no secrets).",
    )


@contextmanager
def unattended(tell: Callable[[BaseException], None]) -> Iterator[None]:
    """Calls `tell` with what ends a thread, or is raised where nobody can catch it (`__del__`). Python would print it,
    whatever the error's text quotes, between our own lines and beside --json."""

    def of_thread(found: threading.ExceptHookArgs) -> None:
        if found.exc_value is not None and not isinstance(found.exc_value, SystemExit):
            tell(found.exc_value)

    def of_nobody(found: Any) -> None:
        if found.exc_value is not None:
            tell(found.exc_value)

    before = threading.excepthook, sys.unraisablehook
    threading.excepthook, sys.unraisablehook = of_thread, of_nobody
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = before


def leave_no_image() -> None:
    """Should the process be ended by a fault: its memory, which holds secrets, is not written to a file (core(5)). What
    it starts inherits that."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def write(error: BaseException, folder: Path, secrets: Iterable[Secret], environ: Mapping[str, str]) -> Path:
    """Writes the traceback (no local variables) into a new 0600 file of `folder`; its path. Raises OSError, or
    `JournalError` where the folder is a link or another user's. Threads may fail in the same second."""
    from memdeploy import __version__
    from memdeploy.state.files import make_folder

    named = (Secret(value) for name, value in environ.items() if _SECRET_NAMES.search(name))
    trace = redact("".join(traceback.format_exception(error)), (*secrets, *named))
    make_folder(folder)
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    path = folder / f"crash-{moment}-{os.getpid()}-{next(_number)}.log"
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
