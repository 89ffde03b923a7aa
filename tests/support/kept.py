"""What one process makes once for all the commands that it runs: APIs' clients, the command line, a folder in memory.

They hold nothing of a call. A user's process runs one command and makes each once anyway.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memdeploy.providers.gcp.clients import Api, Clients

MEMORY = Path("/dev/shm")
ROOM = 1 << 30


def keep_clients(patch: pytest.MonkeyPatch) -> None:
    """googleapiclient writes the methods of an API from its document: once for each address."""
    made: dict[Any, Any] = {}
    discovered = Clients._discovered

    def of_api(self: Clients, service: str, version: str) -> Any:
        return _kept(made, (self.base(service), version), lambda: discovered(self, service, version))

    def of_collection(self: Api, path: str) -> Any:
        resource = self._resource()
        return _kept(made, (id(resource), path), lambda: _collection(resource, path))

    patch.setattr(Clients, "_discovered", of_api)
    patch.setattr(Api, "_collection", of_collection)


def keep_command(patch: pytest.MonkeyPatch) -> None:
    """The command line is read anew each time, and built once."""
    from typer.main import get_command

    from memdeploy.cli import app

    built = get_command(app.build())
    patch.setattr(app, "build", lambda: built)


def memory_folder(name: str) -> Path:
    """A new folder, in memory where there is room: journals are synced to the disk many times a run, and what other
    tests write must not slow them."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return Path(tempfile.mkdtemp(prefix=f"memdeploy-{name}-", dir=MEMORY if roomy else None))


def _kept(made: dict[Any, Any], key: Any, make: Callable[[], Any]) -> Any:
    if key not in made:
        made[key] = make()
    return made[key]


def _collection(resource: Any, path: str) -> Any:
    for name in filter(None, path.split(".")):
        resource = getattr(resource, name)()
    return resource
