"""Small texts: what comes from elsewhere made harmless, times and sums as people read them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: Escape sequences as a whole (colours, cursor movement, window titles), so that no `[31m` is left behind.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")

#: What JSON lets stand as it is: DEL and the C1 controls, line separators, directions, and halves of a surrogate pair.
_BARE = re.compile(r"[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(value: object) -> str:
    """Foreign text for one line of a terminal: no escape sequences, no control characters, no direction overrides."""
    text = _ESCAPES.sub("", str(value))
    text = " ".join(text.split())
    return "".join(c for c in text if _harmless(c))


def _harmless(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co")


def clean_lines(value: object) -> list[str]:
    """The same for text of several lines."""
    return [line for line in (clean(raw) for raw in str(value).splitlines()) if line] or [""]


def log_lines(value: object) -> list[str]:
    """Foreign text of several lines whose indentation says something (a traceback), made as harmless."""
    raw = _ESCAPES.sub("", str(value)).expandtabs(4).splitlines()
    return [line for line in ("".join(c for c in text if _harmless(c)).rstrip() for text in raw) if line] or [""]


def json_safe(document: str) -> str:
    """The same JSON document, with what a terminal could act on, and what no encoding takes, written as `\\uXXXX`."""
    return _BARE.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def duration(seconds: float) -> str:
    """`0.4s`, `6.1s`, `42s`, `3m12s`, `1h05m`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def ago(seconds: float) -> str:
    """`just now`, `5 min ago`, `3 h ago`, `12 days ago`."""
    if seconds < 60:
        return "just now"
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size or size == 60.0:
            return f"{int(seconds // size)} {unit} ago"
    raise AssertionError(seconds)


def about(seconds: float) -> str:
    """An estimate: `a few seconds`, `40 s`, `4 min`, `1.5 h`."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 55:
        return f"{round(seconds / 10) * 10} s"
    if seconds < 5400:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.1f} h"


def money(cost: object, prices: object = None) -> str:
    """`about $86/month (prices 2026-11)`; empty when nothing is known."""
    if not isinstance(cost, int | float):
        return ""
    amount = f"${cost:,.0f}" if cost >= 10 else f"${cost:,.2f}"
    return f"about {amount}/month" + (f" (prices {clean(prices)})" if prices else "")


def size(number: int) -> str:
    """Bytes: `512 bytes`, `3.4 MB`, `12 GB`."""
    if number < 1000:
        return f"{number} bytes"
    value, units = float(number), iter(("kB", "MB", "GB", "TB"))
    unit = "bytes"
    while value >= 1000:
        value, unit = value / 1000, next(units)
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"


def joined(parts: Iterable[str], by: str = " · ") -> str:
    """The parts that are there."""
    return by.join(part for part in parts if part)


def counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
