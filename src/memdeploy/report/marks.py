"""The signs at the beginning of a line, and what to use where the terminal's encoding has none of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Marks:
    done: str = "✓"
    failed: str = "✗"
    waiting: str = "·"
    skipped: str = "–"
    warning: str = "!"
    arrow: str = "→"
    dot: str = "·"
    spinner: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


ASCII = Marks("+", "x", ".", "-", "!", "->", "|", "|/-\\")


def for_encoding(encoding: str | None) -> Marks:
    """The signs that an output of this encoding can show."""
    marks = Marks()
    try:
        (marks.done + marks.failed + marks.arrow + marks.spinner).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return marks
