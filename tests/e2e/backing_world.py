"""A containers backing with a stand-in for the rehearsal's HTTP side: a machine's metadata and its secrets, as data."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import docker

from memdeploy.rehearsal.backing.containers import Containers
from memdeploy.rehearsal.backing.engine import REHEARSAL
from memdeploy.rehearsal.backing.protocol import Progress

OWN_TOKEN = "the-rehearsals-own-token"
MACHINE_TOKEN = "the-machines-token"
SECONDS = 240


@dataclass
class Told:
    """What a machine may read, and what it said. `reports` is every guest attribute in its order."""

    attributes: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    reports: list[tuple[str, str]] = field(default_factory=list)

    def phases(self) -> list[str]:
        return [value for name, value in self.reports if name == "phase"]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, told: Told) -> None:
        self.told = told
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        authorization = self.headers.get("Authorization")
        if self.path.startswith("/_rehearsal/metadata/") and authorization == f"Bearer {OWN_TOKEN}":
            if name == "token":
                self._send(200, json.dumps({"access_token": MACHINE_TOKEN, "expires_in": 3599}))
            else:
                value = self.server.told.attributes.get(name)
                self._send(404 if value is None else 200, value or "")
        elif self.path.startswith("/secretmanager/v1/") and authorization == f"Bearer {MACHINE_TOKEN}":
            value = self.server.told.secrets[self.path.removeprefix("/secretmanager/v1/").removesuffix(":access")]
            self._send(200, json.dumps({"payload": {"data": base64.b64encode(value.encode()).decode()}}))
        else:
            self._send(401, "")

    def do_PUT(self) -> None:
        value = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.told.reports.append((self.path.rpartition("/")[2], value))
        self._send(200, "")

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        pass


@dataclass
class World:
    id: str
    state: Path
    port: int
    told: Told
    client: Any
    backing: Containers

    def restarted(self) -> Containers:
        """The backing as a restarted server finds it: nothing but the id and the state folder."""
        return Containers(self.id, self.state, lambda: (f"http://127.0.0.1:{self.port}", OWN_TOKEN))

    def space(self, offset: int) -> str:
        """The second number of an address: 0 for the peering half of the space, 1 for the subnets'."""
        return f"10.{int(self.backing.free_space().split('.')[1]) + offset}"

    def left(self) -> list[str]:
        """Names of everything in the engine that carries this rehearsal's label."""
        label = {"label": f"{REHEARSAL}={self.id}"}
        containers = self.client.containers.list(all=True, filters=label)
        networks, volumes = self.client.networks.list(filters=label), self.client.volumes.list(filters=label)
        return [thing.name for thing in (*containers, *networks, *volumes)]

    def container(self, kind: str) -> Any:
        (found,) = self.client.containers.list(
            all=True, filters={"label": [f"{REHEARSAL}={self.id}", f"memdeploy.kind={kind}"]}
        )
        return found


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Removes everything at the end, and proves it."""
    told = Told()
    server = Server(told)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    identity, port = f"t-{secrets.token_hex(4)}", server.server_port
    backing = Containers(identity, folder, lambda: (f"http://127.0.0.1:{port}", OWN_TOKEN))
    made = World(identity, folder, port, told, docker.from_env(), backing)
    try:
        yield made
    finally:
        backing.remove_everything()
        server.shutdown()
        server.server_close()
    assert made.left() == []
    assert not (folder / "guests").exists()


def until(look: Callable[[], Progress], seconds: float = SECONDS) -> Progress:
    """Looks until it is done, as a client of a long-running operation does."""
    deadline = time.monotonic() + seconds
    while not (progress := look()).done:
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.2)
    return progress
