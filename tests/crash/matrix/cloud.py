"""A rehearsal on a port that its parent holds, so that all that follow one another have one address."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from memdeploy.rehearsal import backings, server
from memdeploy.rehearsal.app import App, Settings, rehearsal_id
from memdeploy.rehearsal.store import Store
from tests.crash.matrix.forked import Process
from tests.support.rehearsed import Rehearsed

SCALE = 1e-7
"""A cloud whose hours are milliseconds: no run waits for it, and what it holds for days it gives back at once."""
DATABASES = ("cloud.db", "secrets.db")


class Port:
    """Listening on loopback, for one cloud at a time."""

    def __init__(self) -> None:
        self.listener = server.listen(0)
        self.endpoint = server.endpoint(self.listener)

    def serve(self, folder: Path) -> Cloud:
        return Cloud(self, folder)

    def app(self, folder: Path) -> App:
        """As `rehearsal serve` makes it, without containers."""
        store = Store(folder)
        with store.transaction():
            id_ = rehearsal_id(store)
        backing, _ = backings.choose("none", id_, folder, lambda: (self.endpoint, ""))
        app = App(store, Settings(backing=backing, endpoint=self.endpoint, scale=SCALE), time.time)
        server.attach(self.listener, app)
        return app


class Cloud(Rehearsed):
    """In a process of its own, which does not end with memdeploy's."""

    def __init__(self, port: Port, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)

        def serve() -> int:
            port.app(folder).prepare()
            port.listener.serve_forever(poll_interval=3600.0)
            return 0

        self.served = Process(serve, folder / "server.log")
        super().__init__(None, port.endpoint, "", None, "none", folder)  # type: ignore[arg-type]
        self.ask("GET", "/_rehearsal/health")  # answered when all is ready

    def stop(self) -> None:
        """What was answered is on the disk."""
        self.served.kill()


def copy(source: Path, target: Path) -> None:
    """Of a cloud's folder while it serves: as it is between two requests."""
    target.mkdir(parents=True)
    for name in DATABASES:
        with closing(sqlite3.connect(source / name)) as one, closing(sqlite3.connect(target / name)) as other:
            one.backup(other)
