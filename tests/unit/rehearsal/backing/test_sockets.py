"""A container's requests reach the rehearsal over its unix socket, and only as the machine that it is."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from memdeploy.rehearsal.backing.sockets import Guest, Readable, Result, Sockets, route

MACHINE = "/_rehearsal/metadata/p/z/vm"


def docker(argv: list[str], stdin: Readable) -> Result:
    return Result(7, out=" ".join(argv), err=stdin.read().decode())


GUEST = Guest(MACHINE, docker)


@pytest.mark.parametrize(
    ("host", "path", "target"),
    [
        ("metadata.google.internal", "/computeMetadata/v1/x", f"{MACHINE}/computeMetadata/v1/x"),
        ("169.254.169.254", "/computeMetadata/v1/x", f"{MACHINE}/computeMetadata/v1/x"),
        ("secretmanager.googleapis.com:443", "/v1/x?a=b", "/secretmanager/v1/x?a=b"),
        ("_rehearsal.googleapis.com", "/reset", None),
        ("_rehearsal/metadata/p/z/other.googleapis.com", "/computeMetadata/v1/x", None),
        ("a.b.googleapis.com", "/", None),
        ("metadata.google.internal", "http://127.0.0.1/_rehearsal/reset", None),
        ("example.com", "/", None),
        ("googleapis.com.example.com", "/", None),
        ("", "/", None),
    ],
)
def test_the_host_decides_where_a_request_goes(host: str, path: str, target: str | None) -> None:
    assert route(host, path, GUEST) == target


def test_a_build_has_no_metadata_server() -> None:
    assert route("metadata.google.internal", "/x", Guest("", docker)) is None


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def _answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        told = {"path": self.path, "verb": self.command, "auth": self.headers["Authorization"], "body": sent}
        body = json.dumps(told).encode()
        self.send_response(418)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = _answer  # noqa: N815 - http.server names them

    def log_message(self, *args: object) -> None:
        pass


class Unix(http.client.HTTPConnection):
    def __init__(self, path: Path, host: str) -> None:
        super().__init__(host)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    sockets = Sockets(lambda: (f"http://127.0.0.1:{server.server_port}", "own-token"))
    sockets.listen(tmp_path, GUEST)
    yield tmp_path / "rehearsal.sock"
    sockets.close(tmp_path)
    server.shutdown()
    server.server_close()


def ask(path: Path, host: str, verb: str, target: str, body: str = "", **headers: str) -> tuple[int, dict[str, str]]:
    connection = Unix(path, host)
    connection.request(verb, target, body.encode() or None, headers)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def test_the_metadata_server_asks_for_no_token_and_gets_the_rehearsals(path: Path) -> None:
    status, told = ask(path, "metadata.google.internal", "PUT", "/computeMetadata/v1/g/k", "value")
    assert status == 418
    assert told == {
        "path": f"{MACHINE}/computeMetadata/v1/g/k",
        "verb": "PUT",
        "auth": "Bearer own-token",
        "body": "value",
    }


def test_a_machines_own_token_is_passed_on_unchanged(path: Path) -> None:
    _, told = ask(path, "secretmanager.googleapis.com", "GET", "/v1/s", Authorization="Bearer machine")
    assert told["auth"] == "Bearer machine"


def test_a_request_without_a_token_gets_none(path: Path) -> None:
    _, told = ask(path, "secretmanager.googleapis.com", "GET", "/v1/s")
    assert told["auth"] is None


def test_docker_commands_are_carried_out_by_the_guests_function(path: Path) -> None:
    headers = {"X-Arguments": json.dumps(["run", "-d"])}
    _, told = ask(path, "engine.rehearsal", "POST", "/docker", "stdin", **headers)
    assert told == {"code": 7, "out": "run -d", "err": "stdin"}


def test_a_long_state_folder_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    sockets = Sockets(lambda: ("http://127.0.0.1:1", ""))
    sockets.listen(folder, GUEST)
    assert (folder / "rehearsal.sock").is_socket()
    sockets.close(folder)
