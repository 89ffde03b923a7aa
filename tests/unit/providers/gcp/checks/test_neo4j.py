"""An external Neo4j that does not answer as it should, over real sockets: who is refused, and what is advised."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from memdeploy.providers.base import Verdict
from memdeploy.providers.gcp.checks import neo4j
from memdeploy.secret import Secret
from tests.support import sockets


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[int]:
    with sockets.encrypted(tmp_path) as port:
        yield port


def asked(uri: str) -> tuple[Verdict, str, str | None]:
    found = neo4j._asked(uri, "neo4j", Secret("canary-neo4j-pass"), "5.18")
    assert "canary" not in repr(found)
    return found.verdict, found.code, found.remedy


def test_plain_bolt_to_a_server_that_wants_tls_is_refused_at_a_private_address_too(encrypted: int) -> None:
    verdict, code, remedy = asked(f"bolt://127.0.0.1:{encrypted}")
    assert (verdict, code) == (Verdict.FAILED, "neo4j-unreachable")
    assert "+s" in str(remedy)


def test_a_certificate_that_nobody_vouches_for_is_refused_with_the_two_ways_out(encrypted: int) -> None:
    verdict, code, remedy = asked(f"neo4j+s://127.0.0.1:{encrypted}")
    assert (verdict, code) == (Verdict.FAILED, "neo4j-tls")
    assert "public authority" in str(remedy)
    assert "neo4j+ssc://" in str(remedy)


def test_a_private_address_where_nothing_listens_may_answer_from_inside() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    assert asked(f"bolt+s://127.0.0.1:{port}")[:2] == (Verdict.WARNING, "neo4j-unreachable")
