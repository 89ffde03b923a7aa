"""A scope on a folder, without an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.engine.clock import SystemClock
from memdeploy.memmachine.files import docker_files
from memdeploy.providers.base import Context
from memdeploy.providers.local.scope import Scope


def deployment(**options: Any) -> Deployment:
    tree: dict[str, Any] = {
        "name": "trial", "provider": "local", "local": {"runtime": "docker", "port": 18080, "folder": "/nowhere"},
        "model": {"provider": "offline", "chat": "offline", "embedding": "offline"},
    }  # fmt: skip
    return Deployment.model_validate({**tree, **options})


def scope(folder: Path | None = None, **options: Any) -> Scope:
    wanted = deployment(**options)
    if folder is not None:
        wanted = wanted.model_copy(update={"local": wanted.local.model_copy(update={"folder": str(folder)})})
    return Scope.open(Context(wanted, "abc123def456", "x7k2", SystemClock(), docker_files()))
