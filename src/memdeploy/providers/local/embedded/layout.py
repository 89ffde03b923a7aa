"""Where things are: of a deployment in its own folder, of all deployments in memdeploy's cache."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from memdeploy.providers.local.scope import Scope


def data(scope: Scope) -> Path:
    return scope.folder / "data"


def run(scope: Scope) -> Path:
    """What only a running process needs; it is its HOME, too."""
    return scope.folder / "run"


def logs(scope: Scope) -> Path:
    return scope.folder / "logs"


def log(scope: Scope, component: str) -> Path:
    return logs(scope) / f"{component}.log"


def pid_file(scope: Scope, component: str) -> Path:
    return run(scope) / f"{component}.pid"


def cache() -> Path:
    """Stays when a deployment goes: what is in it serves others, and can be had again at any time."""
    return platformdirs.user_cache_path("memdeploy", appauthor=False)


def environments() -> Path:
    return cache() / "environments"


def pythons() -> Path:
    """Interpreters that uv downloaded."""
    return cache() / "python"
