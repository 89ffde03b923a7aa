"""Which files were written, and what to do with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.text import clean


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    files = [Text(f"{marks.done} {clean(name)}") for name in data.get("files") or ()]
    return [*files, Text("Next: look at it, then `memdeploy doctor` and `memdeploy plan`.")]
