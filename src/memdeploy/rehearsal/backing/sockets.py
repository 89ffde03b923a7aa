"""The rehearsal's side of the unix socket that is mounted into a container: who asks is known by the socket.

A request for the metadata server goes to the rehearsal's metadata view of that very machine, one for X.googleapis.com
to service X, and `docker` commands to the function that checks them. Nothing else is answered.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

METADATA_HOSTS = frozenset(("metadata.google.internal", "metadata", "169.254.169.254"))
ENGINE_HOST = "engine.rehearsal"
#: Of a service's letters alone: `_rehearsal.googleapis.com` would be the rehearsal's own door, with its own token.
GOOGLE = re.compile(r"([a-z0-9-]+)\.googleapis\.com")
HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "host", "content-length"))
SECONDS = 330
"Longer than the metadata server's longest wait for a change."

#: Where the rehearsal listens, asked for each request: (http://127.0.0.1:PORT, bearer token).
Upstream = Callable[[], tuple[str, str]]


@dataclass(frozen=True)
class Result:
    """How a `docker` command ended."""

    code: int
    out: str = ""
    err: str = ""


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


#: Carries out `docker ARGV`, with what it read (a build's context, a password); raises nothing.
Docker = Callable[[list[str], Readable], Result]


@dataclass(frozen=True)
class Guest:
    """A container that may ask: `metadata` is the path of its view, "" where there is no metadata server."""

    metadata: str
    docker: Docker


def route(host: str, path: str, guest: Guest) -> str | None:
    """Path at the rehearsal for a request; None: nobody there."""
    name = host.partition(":")[0].lower()
    if not path.startswith("/"):  # in absolute form it would name another place
        return None
    if name in METADATA_HOSTS and guest.metadata:
        return guest.metadata + path
    found = GOOGLE.fullmatch(name)
    return f"/{found[1]}{path}" if found else None


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: str, guest: Guest, upstream: Upstream) -> None:
        self.guest = guest
        self.upstream = upstream
        super().__init__(path, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def address_string(self) -> str:
        return "container"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Silent: the rehearsal logs what reaches it."""

    def _serve(self) -> None:
        if self.headers.get("Host", "") == ENGINE_HOST:
            self._docker()
            return
        target = route(self.headers.get("Host", ""), self.path, self.server.guest)
        if target is None:
            self._answer(502, {}, b"no such host in this rehearsal\n")
        else:
            self._forward(target)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815 - http.server names them

    def _docker(self) -> None:
        argv = json.loads(self.headers["X-Arguments"])
        length = int(self.headers.get("Content-Length", "0"))
        result = self.server.guest.docker(argv, _Limited(self.rfile, length))
        self._answer(200, {"Content-Type": "application/json"}, json.dumps(result.__dict__).encode())
        self.close_connection = True

    def _forward(self, target: str) -> None:
        """A machine's own token goes through unchanged; its metadata server, which asks for none, gets ours."""
        url, token = self.server.upstream()
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        if self.server.guest.metadata and target.startswith(f"{self.server.guest.metadata}/"):
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)
        try:
            connection.request(self.command, target, body, headers)
            answer = connection.getresponse()
            self._answer(answer.status, dict(answer.getheaders()), answer.read())
        except OSError as error:
            self._answer(503, {}, f"the rehearsal does not answer: {error}\n".encode())
        finally:
            connection.close()

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Limited:
    """The first `left` bytes of a stream, as a file that can be read once."""

    def __init__(self, stream: Readable, left: int) -> None:
        self._stream = stream
        self._left = left

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


class Sockets:
    """The listeners of one rehearsal process, one a guest."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._guard = threading.Lock()
        self._open: dict[str, _Server] = {}

    def listen(self, folder: Path, guest: Guest) -> None:
        """Listens at `<folder>/rehearsal.sock`, unless it does already."""
        with self._guard:
            if str(folder) in self._open:
                return
            server = _bind(folder, guest, self._upstream)
            self._open[str(folder)] = server
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()

    def close(self, folder: Path) -> None:
        with self._guard:
            server = self._open.pop(str(folder), None)
        if server is not None:
            server.shutdown()
            server.server_close()

    def close_all(self) -> None:
        with self._guard:
            folders = [Path(folder) for folder in self._open]
        for folder in folders:
            self.close(folder)


def _bind(folder: Path, guest: Guest, upstream: Upstream) -> _Server:
    """By way of the folder's descriptor: a unix socket's path may have 107 characters, a state folder has more."""
    (folder / "rehearsal.sock").unlink(missing_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _Server(f"/proc/self/fd/{descriptor}/rehearsal.sock", guest, upstream)
    finally:
        os.close(descriptor)
