"""Running other programs: quiet when they succeed, everything they said when they fail."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class RigError(Exception):
    """The rig cannot go on; the text says what to do."""


def run(command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        list(command), env={**os.environ, **(env or {})}, cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
        raise RigError(f"`{' '.join(command)[:200]}` ended with {done.returncode}:\n{tail}")
    return done.stdout


def succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(list(command), capture_output=True, check=False, timeout=30).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
