"""What a shell offers behind Tab, besides commands and options. Asked for at each key: no SDK, no journal is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from memdeploy.config.options import Option

Offer = Callable[[typer.Context, str], list[str]]

COMPONENTS = ("service", "neo4j", "postgres", "model", "build", "prepare")


def of(option: Option) -> Offer | None:
    """For an option of the configuration; None where nothing is known."""
    if option.path == "name":
        return deployments
    return words(option.choices) if option.choices else None


def words(known: tuple[str, ...]) -> Offer:
    def offer(ctx: typer.Context, incomplete: str) -> list[str]:
        return [word for word in known if word.startswith(incomplete)]

    return offer


def deployments(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names in the state folder of this line: the folders there, as each is a deployment's."""
    try:
        found = sorted(path.name for path in _state(ctx.params).iterdir() if path.is_dir())
    except OSError:
        return []
    return [name for name in found if name[:1].isalpha() and name.startswith(incomplete)]


def _state(given: dict[str, Any]) -> Path:
    named = given.get("state") or os.environ.get("MEMDEPLOY_STATE")
    if named:
        return Path(str(named)).expanduser()
    from platformdirs import user_state_path

    return user_state_path("memdeploy", appauthor=False)
