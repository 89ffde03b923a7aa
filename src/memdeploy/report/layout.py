"""Text in lines of a terminal: wrapped between words, indented. A word that is longer than a line (an address, a
digest) is left whole: a terminal breaks it by itself, and what is copied from there is still the word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

_NARROWEST = 16  # columns for text, however narrow the terminal is
_GAP = "  "


class Hanging:
    """`text` behind `first`; further lines are indented as far as that."""

    def __init__(self, text: Text, first: str | Text = "") -> None:
        self._first = first if isinstance(first, Text) else Text(first)
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(_NARROWEST, options.max_width - self._first.cell_len)
        lead = self._first
        for line in _wrapped(self._text, room):
            yield _whole(lead, line)
            lead = Text(" " * self._first.cell_len)


class Pairs:
    """Names and values in two columns, indented."""

    def __init__(self, rows: Sequence[tuple[Text, Text]], indent: int = 2) -> None:
        self._rows = rows
        self._indent = " " * indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max((name.cell_len for name, _ in self._rows), default=0)
        for name, value in self._rows:
            padded = name.copy()
            padded.pad_right(width - name.cell_len)
            yield Hanging(value, Text.assemble(self._indent, padded, _GAP))


def _wrapped(text: Text, room: int) -> Iterator[Text]:
    """Rich breaks words that are too long, or nothing at all."""
    for paragraph in text.split("\n", allow_blank=True):
        breaks, used = list[int](), 0
        for word in re.finditer(r"\S+\s*|\s+", paragraph.plain):
            if used and used + cell_len(word[0].rstrip()) > room:
                breaks.append(word.start())
                used = 0
            used += cell_len(word[0])
        for line in paragraph.divide(breaks):
            line.rstrip()
            yield line


def _whole(*parts: Text) -> Text:
    line = Text(no_wrap=True, overflow="ignore")
    for part in parts:
        line.append_text(part)
    line.rstrip()
    return line
