"""Results as a person reads them: one file a command, made of its data (lifecycle/result.py) and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from memdeploy.report.marks import Marks

    Renderer = Callable[[Mapping[str, Any], Marks], list[RenderableType]]

_COMMANDS = (
    "plan", "up", "status", "verify", "outputs", "destroy", "list", "history", "doctor", "logs", "init", "releases",
    "backup", "restore", "upgrade", "rollback", "rescue", "recover", "unlock",
)  # fmt: skip


def renderer(command: str) -> Renderer | None:
    """The renderer of a command's data; None when its result is its errors and nothing else."""
    if command not in _COMMANDS:
        return None
    found: Renderer = import_module(f"memdeploy.report.results.{command}").render
    return found
