"""Something between memdeploy and a rehearsal that refuses as clouds and proxies do at their worst: it repeats what it
was sent, in every dress."""

from __future__ import annotations

import base64
import http.client
import json
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, urlsplit


@dataclass
class Echoing:
    """`refuse`: parts of paths; a POST to one of them is refused as long as it stands there. `refused` counts."""

    endpoint: str
    refuse: list[str] = field(default_factory=list)
    refused: int = 0


@contextmanager
def echoing(behind: str) -> Iterator[Echoing]:
    told = Echoing("")
    handler = type("Bound", (_Handler,), {"told": told, "behind": urlsplit(behind).netloc})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    told.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


def repeated(body: bytes, authorization: str) -> bytes:
    """An error of Google's shape with all that was sent: as it came, and each text inside it decoded and encoded."""
    texts = [authorization, *_texts(json.loads(body or b"null"))]
    dressed = [dress(text) for text in texts for dress in DRESSES]
    message = f"Invalid value at 'payload.data' (TYPE_BYTES): {body.decode()} {' '.join(dressed)}"
    listed = [{"message": message, "reason": "invalid", "domain": "global"}]
    return json.dumps(
        {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT", "errors": listed}}
    ).encode()


DRESSES = (
    str, repr, json.dumps, lambda text: quote(text, safe=""), shlex.quote,
    lambda text: base64.b64encode(text.encode()).decode(), lambda text: base64.b64encode(f"u:{text}".encode()).decode(),
)  # fmt: skip


def _texts(value: Any) -> Iterator[str]:
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(item)
    if isinstance(value, str):
        yield value
        try:
            yield base64.b64decode(value, validate=True).decode()
        except ValueError:
            return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: Echoing
    behind: str

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.command == "POST" and any(part in self.path for part in self.told.refuse):
            self.told.refused += 1
            self._answer(400, {"Content-Type": "application/json"}, repeated(body, self.headers["Authorization"] or ""))
            return
        connection = http.client.HTTPConnection(self.behind, timeout=60)
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        try:
            connection.request(self.command, self.path, body or None, kept)
            answer = connection.getresponse()
            self._answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _pass  # noqa: N815

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""
