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

from memdeploy.rehearsal.app import App, failed, host_to_path
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
MAX_BODY, MAX_LINE = 64 * 1024 * 1024, 4096
DIGITS = re.compile(r"[0-9]{1,18}")
CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")


class Unread(Exception):
    """A request whose body cannot be read; the connection ends with the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 300
    app: ClassVar[App]

    def _serve(self) -> None:
        try:
            body, target = self._body(), urlsplit(self.path)
        except Unread as refused:
            self.close_connection = True
            return self._write(json_answer(refused.status, {"error": str(refused)}))
        except ValueError:
            return self._write(json_answer(400, {"error": "what is asked for is no address"}))
        host = target.netloc or self.headers.get("Host", "")
        if not self._from_here(host):
            return self._write(json_answer(403, {"error": "this rehearsal answers to its own loopback address only"}))
        raw_path = host_to_path(host.partition(":")[0], target.path)
        headers = {name.lower(): value for name, value in self.headers.items()} | {"host": host}
        answer = self.app.handle(Request(self.command, unquote(raw_path), target.query, headers, body), raw_path)
        return self._cut() if answer is None else self._write(answer)

    def _from_here(self, host: str) -> bool:
        """No page of another site: neither under a name of its own, nor with its origin, nor in an image's address."""
        origin = self.headers.get("Origin", "http://localhost")
        foreign = self.headers.get("Sec-Fetch-Site", "").lower() == "cross-site"
        return bool(HOSTS.fullmatch(host) and ORIGINS.fullmatch(origin)) and not foreign

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunked()
        length = self.headers.get("Content-Length", "0")
        if not DIGITS.fullmatch(length):
            raise Unread(400, "its length is no number")
        if int(length) > MAX_BODY:
            raise Unread(413, "body too large")
        body = self.rfile.read(int(length))
        if len(body) < int(length):  # of a client that was killed: it may well say something else than all of it would
            raise Unread(400, "half a request is none")
        return body

    def _chunked(self) -> bytes:
        """A body in chunks, as registry clients send layers."""
        parts: list[bytes] = []
        room = MAX_BODY
        while size := self._chunk_size():
            room -= size
            if room < 0:
                raise Unread(413, "body too large")
            parts.append(self.rfile.read(size))
            self.rfile.readline(MAX_LINE)
        self.rfile.readline(MAX_LINE)
        return b"".join(parts)

    def _chunk_size(self) -> int:
        found = CHUNK.fullmatch(self.rfile.readline(MAX_LINE))
        if found is None:
            raise Unread(400, "its chunks cannot be told apart")
        return int(found[1], 16)

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
            failed("request failed", error=error)


def listen(port: int) -> Server:
    """Bound and not yet serving: the endpoint is known before the app is made. OSError when the port is taken."""
    return Server((LOOPBACK, port), Handler)


def endpoint(server: Server) -> str:
    return f"http://{LOOPBACK}:{server.server_address[1]}"


def attach(server: Server, app: App) -> None:
    server.RequestHandlerClass = type("BoundHandler", (Handler,), {"app": app})
