"""Lines of a log: time, severity where it says anything, text. Nothing in a line can move the reader's cursor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from memdeploy.report.marks import Marks
from memdeploy.report.text import clean, log_lines

_UNSTATED = ("", "default")


def render(data: Mapping[str, Any], marks: Marks) -> list[RenderableType]:
    lines = data.get("lines")
    if lines is None:  # a followed log has shown its lines already
        return []
    if not lines:
        said = f"No line of {clean(data.get('component') or 'it')} was found"
        return [Text(": ".join(part for part in (said, clean(data.get("reason") or "")) if part) + ".")]
    return [_whole(plain(line.get("at"), line.get("level"), line.get("text"))) for line in lines]


def plain(at: object, level: object, text: object) -> str:
    """One entry, on as many lines as it has; all but its first are indented."""
    said = "\n  ".join(log_lines(text or ""))
    severity = "" if str(level or "") in _UNSTATED else f"{clean(level).upper()} "
    return f"{_when(str(at or ''))}{severity}{said}"


def _whole(text: str) -> Text:
    """A log is read by programs, too: the terminal breaks its lines, not we."""
    return Text(text, no_wrap=True, overflow="ignore")


def _when(at: str) -> str:
    """In the reader's own time."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M:%S ")
    except ValueError:
        return ""
