"""A container engine of a few lines, for the real SDK: it has nothing, refuses to make anything, and repeats in its
refusal what it was sent, each variable of an environment in every dress."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from docker import DockerClient

from tests.support.echoing import DRESSES

_KNOWN = {"/info": {"NCPU": 2}, "/containers/json": []}


class _Engine(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sent: list[dict[str, Any]]

    def do_GET(self) -> None:
        path = "/" + self.path.partition("?")[0].split("/", 2)[2]
        self._say(200, _KNOWN[path]) if path in _KNOWN else self._say(404, {"message": "there is none"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        asked = json.loads(body or "{}")
        self.sent.append(asked)
        dressed = " ".join(dress(value) for value in values(asked) for dress in DRESSES)
        self._say(400, {"message": f"invalid environment: {body} {dressed}"})

    def _say(self, status: int, content: Any) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(text)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def values(asked: dict[str, Any]) -> list[str]:
    """Of the environment that a container or a command was to have."""
    return [line.partition("=")[2] for line in asked.get("Env") or ()]


@contextmanager
def engine() -> Iterator[tuple[DockerClient, list[dict[str, Any]]]]:
    """A client of it, and the bodies of what it refused."""
    sent: list[dict[str, Any]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Engine,), {"sent": sent}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        with closing(DockerClient(base_url=f"tcp://127.0.0.1:{server.server_port}", version="1.43")) as client:
            yield client, sent
    finally:
        server.shutdown()
        server.server_close()
