"""uv, which comes with memdeploy: makes environments and downloads Pythons.

Twelve times as fast as pip for MemMachine's 140 packages (2.5 s against 32 s), needs neither `ensurepip` nor a pip in
the interpreter it makes an environment for, and finds or downloads that interpreter, too.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from memdeploy.errors import StepFailed

SECONDS = 1800.0
SHOWN = 12
#: What leads to packages: proxies, authorities, and the index that the user's pip or uv is configured for.
_PASSED = ("PATH", "HOME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC")
_PREFIXES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "UV_")
#: The system's own authorities, where there are any: a company's proxy is among them, and not among uv's.
_AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_FROM_PIP = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_CERT": "SSL_CERT_FILE"}
"https://docs.astral.sh/uv/reference/environment/; packages are held against the lock's hashes wherever they come from."


def program() -> str:
    from uv import find_uv_bin

    return find_uv_bin()


def variables(environ: Mapping[str, str], cache: Path, pythons: Path) -> dict[str, str]:
    """Its environment. `cache` takes its downloads, `pythons` the interpreters."""
    said = {name: value for name, value in environ.items() if value}
    named = {name: said[name] for name in said if name in _PASSED or name.upper().startswith(_PREFIXES)}
    pips = {ours: said[theirs] for theirs, ours in _FROM_PIP.items() if theirs in said}
    trust = {"UV_SYSTEM_CERTS": "1"} if any(Path(bundle).exists() for bundle in _AUTHORITIES) else {}
    fixed = {"UV_CACHE_DIR": str(cache), "UV_PYTHON_INSTALL_DIR": str(pythons), "UV_NO_CONFIG": "1"}
    return {**trust, **pips, **named, **fixed, "UV_NO_PROGRESS": "1", "LC_ALL": "C.UTF-8"}


def run(
    arguments: Sequence[str], *, cache: Path, pythons: Path, where: str, what: str, hold: Sequence[int] = ()
) -> str:
    """Its standard output. `hold`: descriptors it keeps open, so that a lock outlives us with it. Raises `StepFailed`
    with its own words."""
    done = subprocess.run(
        [program(), *arguments], env=variables(os.environ, cache, pythons), pass_fds=tuple(hold), capture_output=True,
        text=True, timeout=SECONDS, stdin=subprocess.DEVNULL, umask=0o077,
    )  # fmt: skip
    if done.returncode == 0:
        return done.stdout
    lines = tuple(line for line in done.stderr.splitlines() if line.strip())[-SHOWN:]
    error = StepFailed(
        f"{what}: {lines[-1].strip() if lines else f'uv ended with exit code {done.returncode}'}",
        code="packages",
        where=where,
        suggestion="Look whether PyPI, or the index that PIP_INDEX_URL or UV_DEFAULT_INDEX names, is within reach, then"
        " run the same command again: what was downloaded is not downloaded twice.",
        retryable=True,
    )
    error.details = lines
    raise error
