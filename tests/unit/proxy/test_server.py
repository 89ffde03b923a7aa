"""The proxy between a real client and a real service, both on loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from memdeploy.errors import CloudError, ErrorKind
from memdeploy.proxy.bodies import EMPTY, Body
from memdeploy.proxy.headers import Headers
from memdeploy.proxy.server import Proxy
from memdeploy.proxy.tokens import Tokens
from memdeploy.proxy.upstream import Upstream
from memdeploy.secret import Secret
from tests.support.loopback import reached
from tests.unit.proxy.service import Act, Handler, Service, serving


class Mint:
    def __init__(self, *tokens: str) -> None:
        self.left = list(tokens)
        self.minted = 0

    def __call__(self) -> Secret:
        self.minted += 1
        return Secret(self.left.pop(0))


@contextlib.contextmanager
def proxied(act: Act, *tokens: str, path: str = "") -> Iterator[tuple[http.client.HTTPConnection, Service]]:
    mint = Mint(*(tokens or ("good",)))
    with serving(act) as service, Proxy(Upstream(service.url + path, Tokens(mint, lambda: 0.0)), 0).serving() as proxy:
        client = http.client.HTTPConnection("127.0.0.1", proxy.server_address[1], timeout=20)
        try:
            yield client, service
        finally:
            client.close()


def hello(handler: Handler) -> None:
    handler.say(200, b"hello", Content_Type="text/plain")


def raw(port: int, sent: bytes) -> bytes:
    """What the proxy answers to these very bytes until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_request_goes_on_with_our_token_and_without_the_clients() -> None:
    with proxied(hello) as (client, service):
        client.request("POST", "/api/v2/memories?x=1", b'{"a": 1}', {"Authorization": "Bearer theirs", "X-Kept": "yes"})
        answer = client.getresponse()
        assert (answer.status, answer.read()) == (200, b"hello")
        [asked] = service.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/api/v2/memories?x=1", b'{"a": 1}')
    assert asked.headers["authorization"] == "Bearer good"
    assert asked.headers["x-kept"] == "yes"
    assert asked.headers["host"] == service.url.removeprefix("http://")


def test_the_services_own_path_comes_first() -> None:
    with proxied(hello, path="/_service/p/r/s") as (client, service):
        client.request("GET", "/api/v2/health")
        client.getresponse().read()
    assert service.asked[0].path == "/_service/p/r/s/api/v2/health"


def test_a_connection_serves_one_request_after_the_other() -> None:
    with proxied(hello) as (client, service):
        for _ in range(3):
            client.request("GET", "/")
            assert client.getresponse().read() == b"hello"
    assert len(service.asked) == 3


def test_events_come_through_one_by_one_while_the_service_still_speaks() -> None:
    go_on = threading.Event()

    def stream(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"9\r\ndata: 1\n\n\r\n")
        handler.wfile.flush()
        assert go_on.wait(20)
        handler.wfile.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    with proxied(stream) as (client, _):
        client.request("GET", "/mcp/")
        answer = client.getresponse()
        assert answer.read1() == b"data: 1\n\n"
        go_on.set()
        assert answer.read() == b"data: 2\n\n"


def test_a_large_body_of_unknown_length_arrives_whole() -> None:
    blocks = [bytes([n]) * 100_000 for n in range(30)]
    with proxied(hello) as (client, service):
        client.request("POST", "/", iter(blocks), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
        assert client.getresponse().status == 200
    assert service.asked[0].body == b"".join(blocks)


def test_a_large_body_of_known_length_arrives_whole() -> None:
    body = b"x" * 3_000_000
    with proxied(hello) as (client, service):
        client.request("POST", "/", body)
        assert client.getresponse().status == 200
    assert service.asked[0].body == body
    assert "transfer-encoding" not in service.asked[0].headers


def test_a_refused_token_is_replaced_once() -> None:
    with proxied(hello, "stale", "good") as (client, service):
        client.request("POST", "/", b"body")
        assert client.getresponse().read() == b"hello"
    assert [asked.body for asked in service.asked] == [b"body", b"body"]


def test_a_second_refusal_is_the_answer() -> None:
    with proxied(hello, "stale", "stale too") as (client, service):
        client.request("GET", "/")
        assert client.getresponse().status == 401
    assert len(service.asked) == 2


def test_a_redirect_to_the_service_leads_to_the_proxy() -> None:
    def redirect(handler: Handler) -> None:
        host = handler.headers["Host"]
        handler.say(307, b"", Location=f"http://{host}/base/mcp/?a=b")

    with proxied(redirect, path="/base") as (client, _):
        client.request("GET", "/mcp")
        assert client.getresponse().headers["Location"] == "/mcp/?a=b"


def test_a_redirect_elsewhere_stays() -> None:
    with proxied(lambda handler: handler.say(302, b"", Location="https://example.com/x")) as (client, _):
        client.request("GET", "/")
        assert client.getresponse().headers["Location"] == "https://example.com/x"


def test_an_answer_that_breaks_off_is_not_taken_for_whole() -> None:
    def broken(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"5\r\nhello\r\n")
        handler.close_connection = True

    with proxied(broken) as (client, _):
        client.request("GET", "/")
        with pytest.raises(http.client.IncompleteRead):
            client.getresponse().read()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8080"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "127.0.0.1.evil.example"},
    ],
)
def test_no_web_page_of_another_site_gets_through(headers: dict[str, str]) -> None:
    with proxied(hello) as (client, service):
        client.request("POST", "/api/v2/memories", b"{}", headers)
        answer = client.getresponse()
        assert answer.status == 403
        assert json.loads(answer.read())["error"]["code"] == "not-allowed"
    assert service.asked == []


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_a_page_of_this_machine_does(site: str) -> None:
    """Browsers call 127.0.0.1 another site to a page of localhost."""
    with proxied(hello) as (client, _):
        client.request("GET", "/", headers={"Origin": "http://localhost:3000", "Sec-Fetch-Site": site})
        assert client.getresponse().status == 200


@pytest.mark.parametrize(
    "location", ["http://{host}//evil.example/x", "http://{host}/\\evil.example/x", "//{host}///evil.example/x"]
)
def test_a_redirect_to_the_service_never_becomes_one_to_another_host(location: str) -> None:
    def redirect(handler: Handler) -> None:
        handler.say(307, b"", Location=location.format(host=handler.headers["Host"]))

    with proxied(redirect) as (client, _):
        client.request("POST", "/mcp", b"{}")
        assert client.getresponse().headers["Location"] == "/evil.example/x"


@pytest.mark.parametrize("target", ["@{host}/", ":1@{host}/", "http://{host}/", "*", "?x", "x"])
def test_the_token_goes_to_no_host_that_a_client_names(target: str) -> None:
    """Put behind `https://service`, `@host/` would be another host."""
    with proxied(hello) as (client, service), serving(hello) as other:
        line = f"GET {target.format(host=other.url.removeprefix('http://'))} HTTP/1.1"
        answer = raw(client.port, f"{line}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 400 ")
    assert (other.asked, service.asked) == ([], [])


class Early(Upstream):
    """A service that answers before it has read the body, as Cloud Run does with one that is too large."""

    def send(self, method: str, target: str, given: Headers, body: Body) -> Any:
        return super().send(method, target, given, EMPTY)


@pytest.mark.parametrize("framing", ["Content-Length: {size}", "Transfer-Encoding: chunked"])
def test_what_is_left_of_a_body_is_no_request(framing: str) -> None:
    body = b"DELETE /all HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n" + b"x" * 2_000_000
    with serving(hello) as service, Proxy(Early(service.url, None), 0).serving() as proxy:
        service.accepted.add("")
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n{framing.format(size=len(body))}\r\n\r\n".encode()
        with contextlib.suppress(ConnectionError):
            raw(proxy.server_address[1], head + body)
    assert [asked.method for asked in service.asked] == ["POST"]


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
        b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 2000 + b"\r\nhello\r\n0\r\n\r\n",
        b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhello",
        b"Host: evil.example\r\n\r\n",
    ],
)
def test_framing_that_is_said_twice_or_oddly_is_refused(framing: bytes) -> None:
    with proxied(hello) as (client, service):
        answer = raw(client.port, b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + framing)
        assert answer.startswith(b"HTTP/1.1 400 ")
    assert [asked for asked in service.asked if asked.body] == []


@pytest.mark.parametrize("headers", [{"Content-Length": "4", "Transfer-Encoding": "chunked"}, {"Content-Length": "x"}])
def test_framing_that_two_servers_could_read_differently_is_refused(headers: dict[str, str]) -> None:
    with proxied(hello) as (client, service):
        client.putrequest("POST", "/")
        for name, value in headers.items():
            client.putheader(name, value)
        client.endheaders()
        assert client.getresponse().status == 400
    assert service.asked == []


def test_a_service_that_is_away_is_said() -> None:
    with serving(hello) as service:
        away = service.url
    with Proxy(Upstream(away, None), 0).serving() as proxy:
        client = http.client.HTTPConnection("127.0.0.1", proxy.server_address[1], timeout=20)
        client.request("GET", "/")
        answer = client.getresponse()
        assert answer.status == 502
        assert json.loads(answer.read())["error"]["code"] == "service-unreachable"
        client.close()


def test_a_token_that_cannot_be_minted_is_said() -> None:
    def refused() -> Secret:
        raise CloudError("no right to mint", kind=ErrorKind.PERMISSION)

    with (
        serving(hello) as service,
        Proxy(Upstream(service.url, Tokens(refused, lambda: 0.0)), 0).serving() as proxy,
    ):
        client = http.client.HTTPConnection("127.0.0.1", proxy.server_address[1], timeout=20)
        client.request("GET", "/")
        error = json.loads(client.getresponse().read())["error"]
        client.close()
    assert (error["code"], error["message"]) == ("cloud-permission", "no right to mint")


def test_what_was_answered_is_told_without_its_query() -> None:
    told: list[tuple[str, str, int]] = []
    with serving(hello) as service, Proxy(Upstream(service.url, None), 0, lambda *line: told.append(line)) as proxy:
        service.accepted.add("")
        with proxy.serving():
            client = http.client.HTTPConnection("127.0.0.1", proxy.server_address[1], timeout=20)
            client.request("GET", "/api/v2/memories?query=private")
            client.getresponse().read()
            client.close()
    assert told == [("GET", "/api/v2/memories", 200)]


def test_it_listens_on_loopback_alone() -> None:
    """Whoever reaches it calls the service with its user's rights."""
    with Proxy(Upstream("http://127.0.0.1:9", None), 0).serving() as proxy:
        assert proxy.server_address[0] == "127.0.0.1"
        assert proxy.url == f"http://127.0.0.1:{proxy.server_address[1]}"
        assert reached(proxy.server_address[1]) == []
