"""Errors as a person reads them: where, what, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report.layout import Hanging
from memdeploy.report.marks import Marks
from memdeploy.report.text import clean, clean_lines, joined


def render(errors: Iterable[Mapping[str, Any]], marks: Marks) -> list[RenderableType]:
    """`errors` as in the JSON envelope: code, step (or file), message, suggestion, retryable."""
    return [block for error in errors for block in _error(error, marks)]


def _error(error: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    place = joined((clean(error.get("step") or ""), clean(error.get("code") or "error")), f" {marks.dot} ")
    found: list[RenderableType] = [Text(f"{marks.failed} {place}", style="bold red")]
    found.extend(_indented(line) for line in clean_lines(error.get("message") or ""))
    found.extend(_indented(f"| {line}", "dim") for text in error.get("details") or () for line in clean_lines(text))
    if error.get("suggestion"):
        found.extend(_indented(line, "bold") for line in clean_lines(f"Next: {error['suggestion']}"))
    return found


def _indented(line: str, style: str = "") -> RenderableType:
    return Hanging(Text(line, style=style), "  ")
