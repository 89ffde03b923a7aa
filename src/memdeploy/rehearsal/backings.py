"""Chooses what stands behind a rehearsal."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from memdeploy.rehearsal.backing.none import NoBacking
from memdeploy.rehearsal.backing.protocol import Backing

Upstream = Callable[[], tuple[str, str]]
"Where the rehearsal listens: (endpoint, bearer token)."


def choose(wanted: str, id_: str, folder: Path, upstream: Upstream) -> tuple[Backing, str | None]:
    """(backing, why there are no containers). RuntimeError when containers are a must and cannot be had."""
    if wanted == "none":
        return NoBacking(), None
    containers = importlib.import_module("memdeploy.rehearsal.backing.containers")
    reason = containers.available()
    if reason is None:
        made: Backing = containers.Containers(id_, folder, upstream)
        return made, None
    if wanted == "containers":
        raise RuntimeError(f"no containers: {reason}")
    return NoBacking(), str(reason)
