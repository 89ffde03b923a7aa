"""A service that wants a token, on loopback: it answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Act = Callable[["Handler"], None]


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Service:
    act: Act
    accepted: set[str] = field(default_factory=lambda: {"good"})
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    gone: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service

    def _any(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = (
            self._chunks()
            if headers.get("transfer-encoding")
            else self.rfile.read(int(headers.get("content-length", 0)))
        )
        self.service.asked.append(Asked(self.command, self.path, headers, body))
        if headers.get("authorization", "").removeprefix("Bearer ") not in self.service.accepted:
            return self.say(401, b"no")
        return self.service.act(self)

    do_GET = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *unused: object) -> None:
        pass


@contextlib.contextmanager
def serving(act: Act) -> Iterator[Service]:
    service = Service(act)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"service": service}))
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
