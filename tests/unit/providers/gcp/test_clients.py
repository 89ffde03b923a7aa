"""Clients against a bare server on loopback: what is sent, how often, and what the wire log keeps of it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from memdeploy.errors import ErrorKind, UsageError
from memdeploy.providers.base import RehearsalTarget
from memdeploy.providers.gcp import errors, vault
from memdeploy.providers.gcp.clients import Clients, require_loopback
from memdeploy.secret import Secret
from tests.contract.product import canary


class Server(ThreadingHTTPServer):
    """Answers {} to everything; `cut` closes the connection in the place of an answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.cut = False
        self.answer: Any = {}
        self.status = 200

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        if self.server.cut:
            self.close_connection = True
            return
        given = self.server.answer
        answer = given if isinstance(given, bytes) else json.dumps(given).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PATCH = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()


def clients(server: Server, **more: Any) -> Clients:
    return Clients("proj-1", rehearsal=RehearsalTarget("r", server.endpoint, **more.pop("target", {})), **more)


@pytest.mark.parametrize(
    ("family", "answer"),
    [*(("discovery", a) for a in (b"<html>Sign in first</html>", b"", b"null", b"[]", b'"x"')),
     *(("gapic", a) for a in (b"<html>Sign in first</html>", b""))],
)  # fmt: skip
def test_an_answer_that_is_none_of_googles_is_told_as_that(server: Server, family: str, answer: bytes) -> None:
    """A 200 of whatever stands between: what was asked for may or may not have happened."""
    server.answer = answer
    found = clients(server)
    asks = {
        "discovery": lambda: found.compute("networks.get", project="proj-1", network="n"),
        "gapic": lambda: found.run_services("get_service", name="projects/p/locations/l/services/s"),
    }
    with pytest.raises(Exception) as raised:  # noqa: PT011 - classified below
        asks[family]()
    error = errors.classify(raised.value)
    assert error is not None
    assert error.kind is ErrorKind.NETWORK
    assert "not Google" in error.message


def test_every_service_goes_to_the_endpoint_by_its_first_label(server: Server) -> None:
    found = clients(server)
    found.compute("networks.get", project="proj-1", network="n")
    found.sqladmin("instances.get", project="proj-1", instance="i")
    found.secrets("get_secret", name="projects/proj-1/secrets/s")
    found.run_services("get_service", name="projects/proj-1/locations/r/services/s")
    assert [path.partition("?")[0] for _, path, _, _ in server.seen] == [
        "/compute/compute/v1/projects/proj-1/global/networks/n",
        "/sqladmin/v1/projects/proj-1/instances/i",
        "/secretmanager/v1/projects/proj-1/secrets/s",
        "/run/v2/projects/proj-1/locations/r/services/s",
    ]
    assert all("memdeploy/" in headers["user-agent"] for _, _, headers, _ in server.seen)


def test_a_rehearsal_looks_up_no_credentials(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    found = clients(server)
    found.iam("projects.serviceAccounts.get", name="projects/p/serviceAccounts/a")
    assert "authorization" not in server.seen[0][2]
    assert found.access_token() is None


def test_the_token_files_content_is_the_bearer_token(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("canary-token\n")
    found = clients(server, target={"token_file": token})
    found.compute("networks.get", project="proj-1", network="n")
    found.secrets("get_secret", name="projects/proj-1/secrets/s")
    assert [headers["authorization"] for _, _, headers, _ in server.seen] == ["Bearer canary-token"] * 2
    assert found.access_token() == Secret("canary-token")


@pytest.mark.parametrize("family", ["discovery", "gapic"])
def test_a_lost_answer_is_never_sent_again_behind_our_back(server: Server, family: str) -> None:
    """The connection is a kept one, where httplib2 would send the same request once more by itself."""
    found = clients(server)

    def insert() -> None:
        if family == "discovery":
            found.compute("networks.insert", project="proj-1", body={"name": "n"})
        else:
            found.secrets("create_secret", parent="projects/proj-1", secret_id="s", secret={})

    insert()
    server.seen.clear()
    server.cut = True
    with pytest.raises(Exception, match=r".") as raised:
        insert()
    error = errors.classify(raised.value)
    assert error is not None
    assert error.kind is ErrorKind.NETWORK
    assert len(server.seen) == 1


def test_the_wire_log_holds_every_request_and_no_secret(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("canary-token")
    records: list[Any] = []
    found = clients(server, wire=records.append, target={"token_file": token})
    server.answer = {"name": "projects/1/secrets/s/versions/1"}
    scope: Any = type("S", (), {"clients": found, "names": None})()
    scope.names = type(
        "N", (), {"project_path": "projects/p", "secret": lambda self, name: f"projects/p/secrets/{name}"}
    )()
    vault.Vault(scope, "s")._add(Secret("canary-value"))
    server.answer = {"access_token": "canary-answer", "email": "a@b.c"}
    found.sqladmin("users.insert", project="p", instance="i", body={"name": "u", "password": "canary-password"})
    found.http().get(f"{server.endpoint}/oauth2/tokeninfo", params={"access_token": "canary-query"})
    text = json.dumps(records)
    assert len(records) == 3
    assert "canary" not in text
    assert "Y2FuYXJ5" not in text  # base64 of canary
    assert [record["status"] for record in records] == [200, 200, 200]
    assert records[1]["body"] == {"name": "u", "password": "***"}
    assert records[2]["answer"] == {"access_token": "***", "email": "a@b.c"}


AWKWARD = "c4n/ry+Pass\"word'&%$ @:~?=#\\end-of-it"


def _echo(server: Server, status: int = 400, message: str = "Invalid value at 'payload.data' (TYPE_BYTES)") -> None:
    """Refuses as Google does: with what it was sent, here in every dress."""
    encoded = base64.b64encode(AWKWARD.encode()).decode()
    text = f"{message}, {AWKWARD!r} {encoded} {quote(AWKWARD, safe='')} {json.dumps(AWKWARD)} {AWKWARD}"
    server.status, server.answer = status, {"error": {"code": status, "message": text, "status": "INVALID_ARGUMENT"}}


@pytest.mark.parametrize("family", ["discovery", "gapic"])
def test_an_api_that_repeats_a_secret_it_refuses_is_not_quoted(server: Server, tmp_path: Path, family: str) -> None:
    (tmp_path / "token").write_text("canary-token")
    records: list[Any] = []
    found = clients(server, wire=records.append, target={"token_file": tmp_path / "token"})
    _echo(server)
    asks = {
        "discovery": lambda: found.sqladmin("users.insert", project="p", instance="i", body={"password": AWKWARD}),
        "gapic": lambda: found.secrets(
            "add_secret_version", parent="projects/p/secrets/s", payload={"data": AWKWARD.encode()}
        ),
    }
    with pytest.raises(Exception, match=r".") as raised:
        asks[family]()
    error = errors.classify(raised.value)
    assert error is not None
    assert error.kind is ErrorKind.INVALID
    assert error.message.startswith(
        {"discovery": "sqladmin", "gapic": "secretmanager"}[family] + ": Invalid value at 'payload.data' (TYPE_BYTES), "
    )
    told = "".join((error.message, str(raised.value), repr(raised.value), json.dumps(records)))
    assert canary.found(told.encode(), canary.forms("the password", AWKWARD)) == []


def test_nor_when_an_operation_tells_of_it_later(server: Server) -> None:
    found = clients(server)
    found.sqladmin("users.insert", project="p", instance="i", body={"name": "u", "password": AWKWARD})
    server.answer = {"name": "op", "status": "DONE", "error": {"errors": [{"code": "X", "message": f"bad {AWKWARD}"}]}}
    answer = found.sqladmin("operations.get", project="p", operation="op")
    assert answer["error"]["errors"][0]["message"] == "bad ***"


def test_what_is_asked_for_is_given_as_it_is(server: Server) -> None:
    """The value of a secret, which somebody asked for by `access`."""
    found = clients(server)
    data = base64.b64encode(AWKWARD.encode()).decode()
    server.answer = {"name": "projects/p/secrets/s/versions/1", "payload": {"data": data}}
    found.secrets("add_secret_version", parent="projects/p/secrets/s", payload={"data": AWKWARD.encode()})
    answer = found.secrets("access_secret_version", name="projects/p/secrets/s/versions/1")
    assert answer.payload.data == AWKWARD.encode()


def test_what_got_no_answer_is_in_the_wire_log_too(server: Server) -> None:
    records: list[Any] = []
    server.cut = True
    found = clients(server, wire=records.append)
    with pytest.raises(Exception, match=r"."):
        found.compute("networks.get", project="proj-1", network="n")
    assert records[0]["status"] is None
    assert records[0]["error"] == "ConnectionError"


def test_threads_share_clients_and_no_session(server: Server) -> None:
    found = clients(server)
    sessions: list[int] = []
    alive: list[Any] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        found.compute("networks.get", project="proj-1", network="n")
        session = found.session()
        alive.append(session)
        sessions.append(id(session))
        barrier.wait(10)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(sessions)) == 4
    assert len(server.seen) == 4


def test_pages_are_followed(server: Server) -> None:
    pages = [{"items": [{"name": "a"}], "nextPageToken": "t"}, {"items": [{"name": "b"}]}]
    found = clients(server)
    original = Handler.do_GET

    def page(self: Handler) -> None:
        self.server.answer = pages[len(self.server.seen)]
        original(self)

    Handler.do_GET = page  # type: ignore[method-assign]
    try:
        items = found.compute.pages("subnetworks.list", "items", project="p", region="r")
    finally:
        Handler.do_GET = original  # type: ignore[method-assign]
    assert [item["name"] for item in items] == ["a", "b"]
    assert "pageToken=t" in server.seen[1][1]


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:80/", "http://localhost:80", "http://[::1]:80"])
def test_loopback_endpoints(endpoint: str) -> None:
    assert require_loopback(endpoint) == endpoint.rstrip("/")


@pytest.mark.parametrize(
    "endpoint", ["http://10.0.0.1:80", "https://127.0.0.1", "http://example.com", "http://127.0.0.1.example.com", "x"]
)
def test_other_endpoints_have_no_override(endpoint: str) -> None:
    with pytest.raises(UsageError, match="loopback"):
        require_loopback(endpoint)
