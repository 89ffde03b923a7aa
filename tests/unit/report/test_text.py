"""Foreign text made harmless; times and sums."""

from __future__ import annotations

import pytest

from memdeploy.report import text
from memdeploy.report.marks import ASCII, Marks, for_encoding


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07rest", "rest"),
        ("\x1b]8;;http://evil\x1b\\link", "link"),
        ("a\r\nb\tc", "a b c"),
        ("\x00\x07\x08bell\x7f", "bell"),
        ("\x9b31mcsi", "31mcsi"),
        ("left\u202eright", "leftright"),
        ("zero\u200bwidth", "zerowidth"),
        ("[red]markup[/red]", "[red]markup[/red]"),
        (None, "None"),
        ("ünïcode ✓", "ünïcode ✓"),
    ],
)
def test_clean(raw: object, expected: str) -> None:
    assert text.clean(raw) == expected


def test_clean_lines_keeps_lines_apart() -> None:
    assert text.clean_lines("one\n\n\x1b[2Jtwo\n") == ["one", "two"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-1, "0.0s"), (0, "0.0s"), (0.04, "0.0s"), (6.13, "6.1s"), (9.94, "9.9s"), (9.96, "10s"), (42.4, "42s"),
     (59.6, "1m00s"), (192, "3m12s"), (3599.7, "1h00m"), (3900, "1h05m")],
)  # fmt: skip
def test_duration(seconds: float, expected: str) -> None:
    assert text.duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(3, "a few seconds"), (37, "40 s"), (56, "1 min"), (540, "9 min"), (7200, "2.0 h")]
)
def test_about(seconds: float, expected: str) -> None:
    assert text.about(seconds) == expected


@pytest.mark.parametrize(
    ("cost", "expected"),
    [(86.2, "about $86/month"), (1234.5, "about $1,234/month"), (0.4, "about $0.40/month"), (None, ""), ("x", "")],
)
def test_money(cost: object, expected: str) -> None:
    assert text.money(cost) == expected


@pytest.mark.parametrize(
    ("encoding", "expected"), [("utf-8", Marks()), ("ascii", ASCII), ("latin-1", ASCII), (None, ASCII), ("no", ASCII)]
)
def test_marks_fit_the_encoding(encoding: str | None, expected: Marks) -> None:
    assert for_encoding(encoding) == expected
