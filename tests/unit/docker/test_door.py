"""A server of one machine is for its programs: a web page of another site reaches nothing, whatever name it goes by."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import configure
import door
import pytest
from failures import Failure
from hypothesis import given
from hypothesis import strategies as st

from tests.support.container import COMPLETE

Raw = list[tuple[bytes, bytes]]


def raw(**headers: str) -> Raw:
    return [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]


async def ok(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "let in"})


def ask(headers: Raw, kind: str = "http") -> list[dict[str, Any]]:
    """What the server sends."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(door.Door(ok)({"type": kind, "headers": headers}, None, send))
    return sent


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "localhost", "LOCALHOST:8080", "[::1]:8080", "172.18.0.4:8080", "deployment-ab12-api:8080",
     "host.docker.internal:8080", "mem.localhost"],
)  # fmt: skip
def test_programs_of_this_machine_and_of_its_containers_are_let_in(host: str) -> None:
    assert ask(raw(host=host)) == [{"type": "let in"}]


@pytest.mark.parametrize(
    "host",
    ["rebound.example:8080", "127.0.0.1.rebound.example", "localhost.rebound.example", "internal.example", "", ":8080",
     "user@localhost", "localhost@rebound.example", "[::1", "rebound.example\\@localhost", "rebound.example#localhost"],
)  # fmt: skip
def test_a_name_that_anybody_can_register_is_refused(host: str) -> None:
    begin, body = ask(raw(host=host))
    assert begin["status"] == 403
    assert "Host header" in json.loads(body["body"])["detail"]


@pytest.mark.parametrize(
    "headers", [[], raw(host="localhost") + raw(host="rebound.example"), raw(host="localhost") * 2]
)
def test_no_host_or_two_are_refused(headers: Raw) -> None:
    assert ask(headers)[0]["status"] == 403


@pytest.mark.parametrize(
    "origin",
    ["https://site.example", "http://192.168.0.9:8080", "null", "", "http://localhost.site.example", "http://[::1"],
)
def test_a_page_of_another_site_is_refused(origin: str) -> None:
    begin, body = ask(raw(host="127.0.0.1:8080", origin=origin))
    assert begin["status"] == 403
    assert "another site" in json.loads(body["body"])["detail"]
    assert ("content-length", str(len(body["body"]))) in [(n.decode(), v.decode()) for n, v in begin["headers"]]


def test_a_browser_that_says_so_by_itself_is_believed() -> None:
    assert ask(raw(host="localhost", sec_fetch_site="cross-site"))[0]["status"] == 403
    assert ask(raw(host="localhost", sec_fetch_site="same-origin")) == [{"type": "let in"}]


def test_a_page_of_localhost_may_call_the_address() -> None:
    """Browsers call that another site: https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header"""
    headers = raw(host="127.0.0.1:8080", origin="http://localhost:3000", sec_fetch_site="cross-site")
    assert ask(headers) == [{"type": "let in"}]


@pytest.mark.parametrize(
    ("host", "origin"),
    [("localhost:8080", "http://localhost:8080"), ("127.0.0.1:8080", "http://localhost:3000"),
     ("agent-api:8080", "http://agent-api:8080")],
)  # fmt: skip
def test_a_page_of_this_machine_or_of_the_server_itself_is_let_in(host: str, origin: str) -> None:
    assert ask(raw(host=host, origin=origin)) == [{"type": "let in"}]


def test_a_websocket_is_closed_and_a_lifespan_passes() -> None:
    assert ask(raw(host="rebound.example"), "websocket")[0]["type"] == "websocket.close"
    assert ask([], "lifespan") == [{"type": "let in"}]


@given(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255)))
def test_whatever_stands_there_is_answered(host: str, origin: str) -> None:
    assert ask([(b"host", host.encode("latin-1")), (b"origin", origin.encode("latin-1"))])


def test_the_variable_is_yes_or_nothing() -> None:
    with pytest.raises(Failure, match="LOCAL_ONLY"):
        configure.read({**COMPLETE, "LOCAL_ONLY": "no"})
    configure.read({**COMPLETE, "LOCAL_ONLY": "yes"})
