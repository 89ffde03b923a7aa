"""Endpoints for people (aligned) and for shells (`--env`)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType

from memdeploy.report.marks import Marks
from memdeploy.report.results import parts
from memdeploy.report.text import clean


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    return [*parts.heading(data), parts.pairs((name, parts.value(v)) for name, v in _outputs(data).items())]


def exports(data: Mapping[str, Any]) -> str:
    """`export MEMMACHINE_URL='…'` a line, to be read with `eval`; every value quoted for a POSIX shell."""
    return "\n".join(
        f"export MEMMACHINE_{re.sub('[^A-Z0-9]', '_', name.upper())}={shlex.quote(_plain(found))}"
        for name, found in _outputs(data).items()
        if found is not None
    )


def _outputs(data: Mapping[str, Any]) -> Mapping[str, Any]:
    found = data.get("outputs")
    return found if isinstance(found, Mapping) else {}


def _plain(found: object) -> str:
    return clean(found) if isinstance(found, str) else parts.value(found)
