"""What the command line needs of the world, as one value: environment, folder, clock, lifecycle."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from memdeploy.errors import UsageError

if TYPE_CHECKING:
    from memdeploy.engine.events import Sink
    from memdeploy.lifecycle.request import Request
    from memdeploy.lifecycle.result import Result

    Command = Callable[[Request, Sink], Result]


def lifecycle(name: str) -> Command:
    """`memdeploy.lifecycle.<name>.<name>`, loaded when it is called for."""
    command: Command = getattr(import_module(f"memdeploy.lifecycle.{name}"), name)
    return command


def terminal() -> bool:
    """Somebody can read a question and answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def working_folder() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError(
            f"there is no working folder: {error.strerror}", suggestion="Change to a folder that is there."
        ) from error


@dataclass(frozen=True)
class Seams:
    """`now`: seconds since the epoch. Streams are looked up in `sys` when they are used."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    folder: Path = field(default_factory=working_folder)
    command: Callable[[str], Command] = lifecycle
    now: Callable[[], float] = time.time
    terminal: Callable[[], bool] = terminal
