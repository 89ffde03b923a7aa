"""--since: spans and moments, and what is neither."""

from __future__ import annotations

import pytest

from memdeploy.cli.logs import moment
from memdeploy.errors import UsageError

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30m", NOW - 1800), ("2h", NOW - 7200), ("7d", NOW - 604800), ("2023-11-14T22:13:20+00:00", NOW)],
)
def test_a_moment(text: str, expected: float) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["soon", "-1h", "1w", "", "99999999999d", "9" * 400 + "d", "9" * 5000 + "s", "0001-01-01T00:00+10:00"]
)
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(UsageError):
        moment(text, NOW)
