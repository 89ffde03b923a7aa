"""A folder for the copies of a deployment's data, while a run needs them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch(beside: Path, deployment: str) -> Iterator[Path]:
    """On the disk of `beside`, readable by its owner alone. What a killed run left there goes first: the caller holds
    the lease of `deployment` (its id), so no other run of it is at work."""
    clear(beside, deployment)
    folder = Path(tempfile.mkdtemp(prefix=_prefix(deployment), dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear(beside: Path, deployment: str) -> None:
    """What a killed run left there; the caller holds the lease."""
    for left in beside.glob(f"{_prefix(deployment)}*"):
        shutil.rmtree(left, ignore_errors=True)


def _prefix(deployment: str) -> str:
    return f".memdeploy-{deployment}-"
