"""Lines of a log as the engine gives them, and how severe they are."""

from __future__ import annotations

import pytest

from memdeploy.providers.local.containers import logs

TEXT = """\
2026-11-26T04:39:23.1Z INFO:     172.18.0.1:34560 - "POST /api/v2/memories HTTP/1.1" 200 OK
2026-11-26T04:39:24.2Z 2026-11-26 04:39:24,056 [ERROR] memmachine_server - it broke
2026-11-26T04:39:24.3Z   File "main.py", line 1
2026-11-26T04:39:24.3Z   File "main.py", line 1
2026-11-26T04:39:25.4Z the next line
"""


def test_a_line_has_a_time_a_severity_and_an_identity_of_its_own() -> None:
    lines = logs.parse(TEXT, "service", "api")
    assert [line.level for line in lines] == ["info", "error", "error", "error", "info"]
    assert lines[0].at == "2026-11-26T04:39:23.1Z"
    assert len({line.id for line in lines}) == 5
    assert [line.id for line in logs.parse(TEXT, "service", "api")] == [line.id for line in lines]
    assert not {line.id for line in logs.parse(TEXT, "service", "api-2")} & {line.id for line in lines}


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("2026-11-26 04:39:23.000 UTC [1] LOG:  database system is ready", "info"),
        ('2026-11-26 04:39:23.000 UTC [1] FATAL:  role "x" does not exist', "error"),
        ("2026-11-26 04:40:03.421+0000 WARN  Use of deprecated setting", "warning"),
        ("2026-11-26 04:40:03.421+0000 INFO  Bolt enabled on 0.0.0.0:7687.", "info"),
        ("Traceback (most recent call last):", "error"),
        ("x" * 100 + " ERROR that somebody stored", "info"),
    ],
)
def test_severity_stands_at_the_beginning(said: str, level: str) -> None:
    assert logs.severity(said) == level
