"""What is repeated, how often, and who is held back."""

from __future__ import annotations

import pytest

from memdeploy.engine import retry
from memdeploy.engine.retry import CONVERGING, LOOKING, Attempts, Gates, Limit
from memdeploy.errors import ErrorKind

PERMANENT = sorted(set(ErrorKind) - set(CONVERGING))


@pytest.mark.parametrize("kind", PERMANENT)
def test_what_is_permanent_is_never_repeated(kind: ErrorKind) -> None:
    assert Attempts(CONVERGING, lambda: 1.0).delay(kind) is None


def test_the_permanent_ones_are_these() -> None:
    assert set(PERMANENT) == {
        ErrorKind.NOT_FOUND, ErrorKind.CONFLICT, ErrorKind.STALE, ErrorKind.PERMISSION, ErrorKind.UNAUTHENTICATED,
        ErrorKind.INVALID, ErrorKind.PRECONDITION, ErrorKind.QUOTA, ErrorKind.UNKNOWN,
    }  # fmt: skip


@pytest.mark.parametrize("kind", sorted(CONVERGING))
def test_what_passes_is_repeated_up_to_its_limit(kind: ErrorKind) -> None:
    attempts = Attempts(CONVERGING, lambda: 1.0)
    delays = []
    while (delay := attempts.delay(kind)) is not None:
        delays.append(delay)
    assert len(delays) == CONVERGING[kind].attempts - 1
    assert sum(delays) == pytest.approx(CONVERGING[kind].total())
    assert max(delays) <= CONVERGING[kind].ceiling


def test_kinds_are_counted_apart() -> None:
    attempts = Attempts({ErrorKind.BUSY: Limit(2, 1, 1), ErrorKind.NETWORK: Limit(2, 1, 1)}, lambda: 0.0)
    assert attempts.delay(ErrorKind.BUSY) == 0.5
    assert attempts.delay(ErrorKind.NETWORK) == 0.5
    assert attempts.delay(ErrorKind.BUSY) is None


def test_jitter_takes_up_to_half() -> None:
    limits = {ErrorKind.BUSY: Limit(9, 4.0, 4.0)}
    assert Attempts(limits, lambda: 0.0).delay(ErrorKind.BUSY) == 2.0
    assert Attempts(limits, lambda: 0.999).delay(ErrorKind.BUSY) == pytest.approx(4.0, abs=0.01)


def test_the_totals_that_the_comments_state() -> None:
    assert [round(limit.total()) for limit in (retry.BUSY, retry.NOT_READY, retry.NOT_ENABLED)] == [674, 294, 245]
    assert [round(limit.total()) for limit in (retry.RATE_LIMIT, retry.UNAVAILABLE, retry.NETWORK)] == [422, 71, 71]


def test_while_looking_what_is_not_there_yet_is_an_answer() -> None:
    assert ErrorKind.NOT_ENABLED not in LOOKING
    assert ErrorKind.NOT_READY not in LOOKING


def test_a_shut_gate_holds_its_own_api_back_only() -> None:
    gates = Gates()
    waited: list[str] = []

    def while_shut(seconds: float) -> None:
        gates.wait(["run"], lambda s: waited.append("run"))
        if len(waited) < 3:
            gates.wait(["sql"], sql_waits)

    def sql_waits(seconds: float) -> None:
        waited.append("sql")
        if len(waited) == 3:
            raise StopIteration

    with pytest.raises(StopIteration):
        gates.hold("sql", 1.0, while_shut)
    assert waited == ["sql", "sql", "sql"]
    gates.wait(["sql"], sql_waits)  # open again, although holding it ended badly


def test_each_further_429_holds_longer_until_one_goes_through() -> None:
    gates = Gates()
    delays: list[float] = []
    for _ in range(3):
        gates.hold("sql", 0.0, delays.append)
    gates.passed(["sql"])
    gates.hold("sql", 0.0, delays.append)
    assert delays == [2.0, 4.0, 8.0, 2.0]
