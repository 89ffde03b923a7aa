"""A rehearsal in the test's process with any world, settings and clock."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memdeploy.rehearsal import server
from memdeploy.rehearsal.app import App, Settings
from memdeploy.rehearsal.backing.none import NoBacking
from memdeploy.rehearsal.backing.protocol import Backing
from memdeploy.rehearsal.store import Store
from tests.contract.rehearsal.embedded import Clock, Embedded


@contextmanager
def rehearsed(
    folder: Path,
    world: Mapping[str, Any] | None = None,
    *,
    faults: str | None = None,
    token: str | None = None,
    backing: Backing | None = None,
    clock: Clock | None = None,
) -> Iterator[Embedded]:
    """Without a world: every project, all APIs off. The folder may be one of an earlier rehearsal."""
    store, listening, clock = Store(folder), server.listen(0), clock or Clock()
    settings = Settings(
        backing or NoBacking(),
        server.endpoint(listening),
        world_text=json.dumps(world) if world is not None else None,
        scale=1.0,
        faults=faults,
        token=token,
    )
    app = App(store, settings, clock)
    server.attach(listening, app)
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        app.prepare()
        yield Embedded(app, server.endpoint(listening), clock)
    finally:
        listening.shutdown()
        listening.server_close()
        store.close()
