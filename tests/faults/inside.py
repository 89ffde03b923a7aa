"""memdeploy and a rehearsal in the test's own process: a whole deployment in a second, with all its real parts.

Requests go through a socket, journals to a disk, and the command line is read as a user types it; only processes are
not started. The lease's clock can be moved on, as for a machine that slept.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from memdeploy.cli.entry import main
from memdeploy.engine.clock import boottime
from memdeploy.lifecycle import where
from memdeploy.rehearsal import inventory, server
from memdeploy.rehearsal.app import App, Settings
from memdeploy.rehearsal.backing.none import NoBacking
from memdeploy.rehearsal.http import Answer, Request
from memdeploy.rehearsal.store import Store
from memdeploy.state.deployments import Deployments
from memdeploy.state.lease import Clocks
from tests.support import kept
from tests.support.cli import VALIDATOR, Outcome

NAME, PROJECT = "alpha", "proj-1"
GCP = ("--provider", "gcp", "--project", PROJECT)
UP = ("up", "--yes", *GCP, "--name", NAME)
SCALE = 0.00005
KEY = "c4n/ry+Key\"three'&%$ @:^?=#\\end-of-it"
#: Nothing listens there, and nothing asks: the service is a stand-in.
MODEL = ("--model-url", "http://127.0.0.1:9/v1")


class Cloud:
    """A rehearsal on a port of its own. `at` calls something when so many changing requests more were received."""

    def __init__(self, folder: Path, world: str | None = None) -> None:
        self.folder = folder
        self.store, self._listening = Store(folder), server.listen(0)
        self.endpoint = server.endpoint(self._listening)
        settings = Settings(NoBacking(), self.endpoint, world_text=world, scale=SCALE)
        self.app = App(self.store, settings, time.time)
        server.attach(self._listening, self.app)
        self._handle, self._lock = self.app.handle, threading.Lock()
        self._left, self._then = 0, lambda: None
        self.app.handle = self._counted  # type: ignore[method-assign]
        threading.Thread(target=self._listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.app.prepare()

    def stop(self) -> None:
        self._listening.shutdown()
        self._listening.server_close()
        self.store.close()

    def at(self, changes: int, then: Callable[[], None]) -> None:
        self._left, self._then = changes, then

    def faults(self, spec: str) -> None:
        self.app.set_faults(spec)

    def inventory(self) -> list[dict[str, Any]]:
        self.app.settle()
        with self.store.transaction():
            return inventory.resources(self.store)

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        with self.store.transaction():
            return self.store.requests(since)

    def last_request(self) -> int:
        with self.store.transaction():
            return self.store.request_number() - 1

    def let_go(self) -> None:
        """As if the hours and days had passed for which the cloud holds on to subnets and peerings."""
        with self.store.transaction():
            self.store._db.execute("DELETE FROM facts WHERE key LIKE 'hold/%'")

    def _counted(self, request: Request, raw_path: str) -> Answer | None:
        if self._left and request.verb != "GET" and not request.path.startswith(("/_", "/iamcredentials")):
            with self._lock:
                self._left -= 1
                due = self._left == 0
            if due:
                self._then()
        return self._handle(request, raw_path)


@dataclass
class Inside:
    """`outcomes` of every command that was run; `slept` moves the clock that leases are measured on."""

    folder: Path
    cloud: Cloud
    environment: Mapping[str, str] = field(default_factory=dict)
    outcomes: list[tuple[tuple[str, ...], Outcome]] = field(default_factory=list)
    slept: float = 0.0

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def deployments(self) -> Deployments:
        return Deployments(self.state, clocks=Clocks(boottime=lambda: boottime() + self.slept))

    def __call__(self, *line: str) -> Outcome:
        """The command's outcome; what it tells is held against the published schema."""
        logs = ("--events", str(self.folder / "events.jsonl"), "--wire-log", str(self.folder / "wire.jsonl"))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*line, *logs, "--state", str(self.state), "--json"])
        outcome = Outcome(int(code), out.getvalue(), err.getvalue())
        self.outcomes.append((line, outcome))
        assert outcome.stderr == "", outcome.stderr[-2000:]
        VALIDATOR.validate(outcome.json)
        return outcome

    def take_over(self) -> int:
        """As another run would when this one slept past its lease; it ends at once. The last request until then."""
        self.slept += 3600.0
        place = self.deployments().open(NAME)
        with place.acquire("up") as lease:
            place.write(lease)
            return self.cloud.last_request()


@contextlib.contextmanager
def inside(folder: Path, *, world: str | None = None, **environment: str) -> Iterator[Inside]:
    (folder / "cloud").mkdir(parents=True)
    cloud = Cloud(folder / "cloud", world)
    given = {"MEMDEPLOY_GCP_ENDPOINT": cloud.endpoint, "CI": "true", "HOME": str(folder), **environment}
    made = Inside(folder, cloud, given)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MEMDEPLOY_")]:
            patch.delenv(name)
        for name, value in given.items():
            patch.setenv(name, value)
        patch.setattr(where, "deployments", lambda state: made.deployments())
        kept.keep_clients(patch)
        kept.keep_command(patch)
        patch.chdir(folder)
        try:
            yield made
        finally:
            cloud.stop()
