"""The log of a defect of ours: where it happened, without the values of secrets."""

from __future__ import annotations

import os
import re
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from memdeploy.secret import Secret

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
_SHORTEST = 6


def write(error: BaseException, folder: Path, secrets: Iterable[Secret], environ: Mapping[str, str]) -> Path:
    """Writes the traceback (no local variables) into a new 0600 file of `folder`; its path."""
    from memdeploy import __version__

    named = (value for name, value in environ.items() if _SECRET_NAMES.search(name))
    trace = redact("".join(traceback.format_exception(error)), (*(secret.reveal() for secret in secrets), *named))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}.log"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"memdeploy {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n\n{trace}")
    return path


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` without these values (raw, percent-encoded, as Python shows them) and without what looks like one."""
    for value in sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True):
        for form in (value, quote(value, safe=""), repr(value)[1:-1]):
            text = text.replace(form, "***")
    return _SECRET_SHAPES.sub("***", text)


def folder() -> Path:
    """The user's log folder."""
    from platformdirs import user_log_path

    return user_log_path("memdeploy", appauthor=False)
