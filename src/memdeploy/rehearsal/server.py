"""The socket: HTTP/1.1 with keep-alive on loopback, requests in absolute form too, connections cut on demand."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from memdeploy.rehearsal.app import App, host_to_path
from memdeploy.rehearsal.http import Answer, Request, json_answer

log = logging.getLogger("memdeploy.rehearsal")

LOOPBACK = "127.0.0.1"
# A page in a browser must not reach us by a name that resolves to loopback; these names are Google's or the machine's.
HOSTS = re.compile(
    r"(127\.0\.0\.1|localhost|\[::1\]|[a-z0-9.-]+\.googleapis\.com|metadata\.google\.internal|169\.254\.169\.254"
    r"|[a-z0-9-]+(\.[a-z0-9-]+)*\.run\.app|[a-z0-9.-]+\.localhost)(:\d+)?"
)
ORIGINS = re.compile(r"https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
LINGER_ZERO = struct.pack("ii", 1, 0)
MAX_BODY = 64 * 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 300
    app: ClassVar[App]

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        body = self._chunked() if self.headers.get("Transfer-Encoding", "").lower() == "chunked" else None
        if body is None:
            if not length.isdigit() or int(length) > MAX_BODY:
                self.close_connection = True
                return self._write(json_answer(413, {"error": "body too large"}))
            body = self.rfile.read(int(length))
            if len(body) < int(length):  # whoever sent it died meanwhile: half a request is none
                self.close_connection = True
                return None
        target = urlsplit(self.path)
        host = target.netloc or self.headers.get("Host", "")
        if not HOSTS.fullmatch(host) or not ORIGINS.fullmatch(self.headers.get("Origin", "http://localhost")):
            return self._write(json_answer(403, {"error": "this rehearsal answers to its own loopback address only"}))
        raw_path = host_to_path(host.partition(":")[0], target.path)
        headers = {name.lower(): value for name, value in self.headers.items()} | {"host": host}
        answer = self.app.handle(Request(self.command, unquote(raw_path), target.query, headers, body), raw_path)
        return self._cut() if answer is None else self._write(answer)

    def _chunked(self) -> bytes:
        """A body in chunks, as registry clients send layers."""
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _cut(self) -> None:
        """A reset, not an end: the client cannot tell whether its request took effect."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            self.rfile.close()
            self.connection.close()

    def __getattr__(self, name: str) -> Any:
        """The base class looks for `do_<VERB>`; every verb is the same to us."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((time.time() if timestamp is None else timestamp) + self.app.skew)

    def version_string(self) -> str:
        return "ESF"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        log.debug(format, *args)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news; anything else is a fault of ours and goes to the log."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError | ValueError):
            log.error("request failed", exc_info=error)


def listen(port: int) -> Server:
    """Bound and not yet serving: the endpoint is known before the app is made. OSError when the port is taken."""
    return Server((LOOPBACK, port), Handler)


def endpoint(server: Server) -> str:
    return f"http://{LOOPBACK}:{server.server_address[1]}"


def attach(server: Server, app: App) -> None:
    server.RequestHandlerClass = type("BoundHandler", (Handler,), {"app": app})
