"""Errors of drivers and providers, real ones where they can be made without a server, by their culprit."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from pathlib import Path

import checks
import configure
import failures
import pytest
from failures import Failure
from neo4j.exceptions import AuthError, ServiceUnavailable

from tests.support import sockets
from tests.unit.docker.test_configure import COMPLETE


class SqlError(Exception):
    def __init__(self, state: str, text: str = "said by the server") -> None:
        super().__init__(text)
        self.sqlstate = state


@pytest.mark.parametrize(
    ("error", "culprit", "passing"),
    [
        (SqlError("28P01"), "postgres-password", False),
        (SqlError("3D000"), "postgres-database", False),
        (SqlError("57P03", "the database system is starting up"), "postgres-unreachable", True),
        (SqlError("28000", "no pg_hba.conf entry for host, no encryption"), "postgres-refused", False),
        (ssl.SSLCertVerificationError("certificate verify failed"), "postgres-tls", False),
        (ConnectionError("PostgreSQL server rejected SSL upgrade"), "postgres-tls", False),
        (ConnectionRefusedError("refused"), "postgres-unreachable", True),
        (TimeoutError(), "postgres-unreachable", True),
    ],
)
def test_postgres_errors(error: Exception, culprit: str, passing: bool) -> None:
    failure = checks.postgres_failure(error)
    assert (failure.culprit, failure.passing) == (culprit, passing)


def with_cause(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "culprit", "passing"),
    [
        (AuthError("unauthorized"), "neo4j-password", False),
        (with_cause(ServiceUnavailable("no"), ssl.SSLCertVerificationError("verify")), "neo4j-tls", False),
        (ServiceUnavailable("refused"), "neo4j-unreachable", True),
        (RuntimeError("what is this"), "neo4j-refused", False),
    ],
)
def test_neo4j_errors(error: Exception, culprit: str, passing: bool) -> None:
    failure = checks.neo4j_failure(error)
    assert (failure.culprit, failure.passing) == (culprit, passing)


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PAUSE", 0.0)


def failing(times: int, failure: Failure) -> Callable[[], object]:
    calls = iter(range(times))

    async def check() -> str:
        if next(calls, None) is not None:
            raise failure
        return "there"

    return check


@pytest.mark.usefixtures("no_pause")
def test_what_may_pass_is_asked_again_until_it_is_there() -> None:
    check = failing(3, Failure("neo4j-unreachable", passing=True))
    assert asyncio.run(checks.until(check, seconds=60)) == "there"  # type: ignore[arg-type]


@pytest.mark.usefixtures("no_pause")
def test_what_cannot_pass_ends_at_once() -> None:
    with pytest.raises(Failure, match="neo4j-password"):
        asyncio.run(checks.until(failing(1, Failure("neo4j-password")), seconds=60))  # type: ignore[arg-type]


def test_after_the_deadline_the_last_failure_is_raised() -> None:
    check = failing(99, Failure("neo4j-unreachable", passing=True))
    with pytest.raises(Failure, match="neo4j-unreachable"):
        asyncio.run(checks.until(check, seconds=0))  # type: ignore[arg-type]


def test_versions() -> None:
    assert checks.version_of("5.26.12") == (5, 26)
    assert checks.version_of("2025.10.1") == (2025, 10)
    assert checks.version_of("5.x") == (5,)


def test_every_culprit_of_the_code_stands_in_the_table_once() -> None:
    assert len(failures.CODES) == len(failures.TABLE)
    for code, entry in failures.TABLE.items():
        assert 0 < int(code) < 126
        assert set(entry) == {"culprit", "message", "suggestion"}


def test_a_failure_ends_with_one_line_of_json_and_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        failures.end(Failure("postgres-tls", "two\nlines"))
    out, err = capsys.readouterr()
    assert caught.value.code == 22
    assert json.loads(out) == {"ok": False, "culprit": "postgres-tls", "code": 22, "detail": "two lines"}
    assert out.count("\n") == 1
    assert "PostgreSQL" in err


@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+s"])
def test_a_certificate_that_nobody_vouches_for_is_told_for_routers_too(tmp_path: Path, scheme: str) -> None:
    with sockets.encrypted(tmp_path) as port:
        environment = {**COMPLETE, "NEO4J_URI": f"{scheme}://127.0.0.1:{port}"}
        with pytest.raises(Failure) as raised:
            asyncio.run(checks.neo4j(configure.read(environment)))
    assert raised.value.culprit == "neo4j-tls"
