"""Lines of MemMachine's log: times, levels, and those that have neither."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from memdeploy.providers.base import LogQuery
from memdeploy.providers.local.embedded import layout, logs
from memdeploy.providers.local.scope import Scope
from tests.unit.providers.local.embedded.support import scope

LOG = """\
Traceback of a start that has no time yet
2026-11-26 04:26:33,695 [INFO] memmachine_server.server.app - Starting server with 1 worker
INFO:     Started server process [1340]
2026-11-26 04:27:10,001 [ERROR] memmachine_server.memory - it failed
Traceback (most recent call last):
  File "x.py", line 1

2026-11-26 04:28:00,500 [WARNING] httpx2 - slow
"""


@pytest.fixture
def place(tmp_path: Path) -> Scope:
    made = scope(tmp_path)
    layout.logs(made).mkdir(parents=True)
    layout.log(made, "service").write_text(LOG)
    return made


def read(place: Scope, **query: object) -> list[tuple[str, str, str]]:
    asked = LogQuery("service", **query)  # type: ignore[arg-type]
    return [(line.at, line.level, line.text.partition(" ")[0]) for line in logs.read(place, asked)]


def test_a_line_without_a_time_has_that_of_the_one_before(place: Scope) -> None:
    first, error, last = (f"2026-11-26T04:{rest}+00:00" for rest in ("26:33.695000", "27:10.001000", "28:00.500000"))
    assert read(place) == [
        ("", "info", "Traceback"),
        (first, "info", "2026-11-26"),
        (first, "info", "INFO:"),
        (error, "error", "2026-11-26"),
        (error, "error", "Traceback"),
        (error, "error", ""),
        (last, "warning", "2026-11-26"),
    ]


def test_what_is_asked_for(place: Scope) -> None:
    assert [level for _, level, _ in read(place, level="warning")] == ["error", "error", "error", "warning"]
    assert [at[14:19] for at, _, _ in read(place, since=datetime(2026, 11, 26, 4, 27, tzinfo=UTC).timestamp())] == [
        "27:10"
    ] * 3 + ["28:00"]
    assert [level for _, level, _ in read(place, limit=2)] == ["error", "warning"]


def test_a_line_is_the_same_when_it_is_read_again_and_another_after_the_log_was_put_aside(place: Scope) -> None:
    before = [line.id for line in logs.read(place, LogQuery("service"))]
    with layout.log(place, "service").open("a") as log:
        log.write("one more\n")
    after = [line.id for line in logs.read(place, LogQuery("service"))]
    assert after[:-1] == before
    assert len(set(after)) == len(after)


def test_only_the_end_of_a_large_log_is_read(place: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = logs.read(place, LogQuery("service"))
    monkeypatch.setattr(logs, "MOST", 60)
    assert [line.id for line in logs.read(place, LogQuery("service"))][-1] == whole[-1].id


def test_components_are_those_that_are_there(tmp_path: Path) -> None:
    offline = scope(tmp_path)
    assert logs.components(offline) == ("service", "model", "prepare")
    assert logs.read(offline, LogQuery("service")) == ()
    keyed = scope(tmp_path, model={"provider": "openai"})
    assert logs.components(keyed) == ("service", "prepare")
    assert set(logs.absent(keyed)) == {"model", "neo4j", "postgres", "build"}
