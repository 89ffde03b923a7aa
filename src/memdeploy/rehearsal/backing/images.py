"""Images from the public hub that a backing runs: present, or fetched in the background, or said to be missing.

On a machine that reaches the hub they come from there; the tests' rig builds the same names from packages.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from memdeploy.rehearsal.backing.engine import Engine
from memdeploy.rehearsal.backing.protocol import Progress

REGISTRY = "registry:2"
PYTHON = "python:3.12-slim-trixie"
POSTGRES = "pgvector/pgvector:pg17"
NEO4J = "neo4j:5.26-community"
NEEDED = (REGISTRY, PYTHON, POSTGRES, NEO4J)


def postgres(version: str) -> str:
    """`POSTGRES_17` -> the image of that major version."""
    return f"pgvector/pgvector:pg{version.rpartition('_')[2]}"


def present(client: Any, name: str) -> bool:
    from docker.errors import ImageNotFound

    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True


def unobtainable(client: Any, names: Sequence[str]) -> list[str]:
    """Those that are neither here nor at the hub: one manifest request each, by the engine, side by side.

    `client` has a timeout of 10 s, so a hub that does not answer costs that much once.
    """
    missing = [name for name in names if not present(client, name)]
    with ThreadPoolExecutor(max_workers=len(names) or 1) as pool:
        answers = list(pool.map(lambda name: _at_hub(client, name), missing))
    return [name for name, there in zip(missing, answers, strict=True) if not there]


def _at_hub(client: Any, name: str) -> bool:
    import requests
    from docker.errors import DockerException

    try:
        client.api.inspect_distribution(name)
    except (DockerException, requests.RequestException):
        return False
    return True


class Background:
    """Work that takes longer than a request may: started once a name, repeated only after a failure was reported.

    A thread of a server that is killed dies with it; whoever looks next starts it again, so the work is repeatable.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._running: dict[str, threading.Thread] = {}
        self._failed: dict[str, str] = {}

    def progress(self, name: str, ready: Callable[[], bool], work: Callable[[], None]) -> Progress:
        if ready():
            return Progress(done=True)
        with self._guard:
            if name in self._failed:
                return Progress(done=True, error=self._failed.pop(name))
            if name not in self._running:
                self._running[name] = threading.Thread(target=self._run, args=(name, work), daemon=True)
                self._running[name].start()
        return Progress(done=False)

    def forget(self) -> None:
        """What runs may end, but nobody is told any more."""
        with self._guard:
            self._running.clear()
            self._failed.clear()

    def _run(self, name: str, work: Callable[[], None]) -> None:
        error = None
        try:
            work()
        except Exception as caught:
            error = f"{name}: {caught}"
        with self._guard:
            if self._running.get(name) is not threading.current_thread():
                return
            del self._running[name]
            if error is not None:
                self._failed[name] = error


class Images:
    def __init__(self, engine: Engine, background: Background) -> None:
        self._engine = engine
        self._background = background

    def progress(self, name: str) -> Progress:
        """Done when the image is here; begins to fetch it otherwise."""
        client = self._engine.client
        return self._background.progress(f"image {name}", lambda: present(client, name), lambda: _pull(client, name))

    def fetch(self, name: str) -> None:
        """Waits for it. Raises what the engine says."""
        if not present(self._engine.client, name):
            _pull(self._engine.client, name)


def _pull(client: Any, name: str) -> None:
    client.images.pull(name)
