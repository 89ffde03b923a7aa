"""Following a log: what was shown, what is new, and a cloud that does not answer for a while."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from memdeploy.engine.cancel import CancelToken
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.lifecycle import logs
from memdeploy.providers.base import LogLine, LogQuery


class Source:
    """A console without times: every look gives the newest lines of all that was ever written."""

    def __init__(self, looks: list[int | CloudError], cancel: CancelToken) -> None:
        self.looks = looks
        self.cancel = cancel

    def logs(self, query: LogQuery) -> list[LogLine]:
        written = self.looks.pop(0)
        if not self.looks:
            self.cancel.cancel()
        if isinstance(written, CloudError):
            raise written
        return [LogLine(str(n), "", "neo4j", "default", str(n)) for n in range(written)][-query.limit :]

    def classify(self, error: Exception) -> CloudError | None:
        return error if isinstance(error, CloudError) else None


def session(*looks: int | CloudError) -> Any:
    cancel = CancelToken()
    slept: list[float] = []
    return SimpleNamespace(
        cloud=Source(list(looks), cancel),
        clock=SimpleNamespace(now=lambda: 1000.0, sleep=slept.append),
        request=SimpleNamespace(cancel=cancel),
        header=dict,
        slept=slept,
        tell=lambda kind, **data: None,
    )


def test_a_followed_log_goes_on_where_its_first_lines_ended() -> None:
    shown: list[str] = []
    logs._follow(session(300, 305), LogQuery("neo4j", limit=10), lambda line: shown.append(line.text))
    assert shown == [str(n) for n in range(290, 305)]


def test_a_cloud_that_is_away_for_a_moment_ends_nothing() -> None:
    shown: list[str] = []
    away = CloudError("no answer", kind=ErrorKind.UNAVAILABLE)
    logs._follow(session(1, away, away, 2), LogQuery("neo4j", limit=10), lambda line: shown.append(line.text))
    assert shown == ["0", "1"]


def test_a_refusal_ends_it_at_once() -> None:
    refused = CloudError("no", kind=ErrorKind.PERMISSION)
    found = session(refused, 1)
    with pytest.raises(CloudError):
        logs._lines(found, LogQuery("neo4j"))
    assert found.slept == []


def test_what_stays_away_is_told() -> None:
    away = [CloudError("no answer", kind=ErrorKind.NETWORK) for _ in range(9)]
    with pytest.raises(CloudError):
        logs._lines(session(*away), LogQuery("neo4j"))
