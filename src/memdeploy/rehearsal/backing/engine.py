"""The container engine as one rehearsal sees it: all it makes carries the rehearsal's label and a name from its key.

So nothing needs remembering: a restarted server finds what a killed one made. Labels: `memdeploy.rehearsal` (the id),
`memdeploy.kind` and `memdeploy.key` (the full Google resource name). Values of secrets are in none of them.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import defaultdict
from typing import Any

REHEARSAL = "memdeploy.rehearsal"
KIND = "memdeploy.kind"
KEY = "memdeploy.key"
SECONDS = 900
"Of silence in a stream of the engine (a large layer is unpacked without a word)."


class BackingError(Exception):
    """The engine refuses, or the machine does not allow it. The text says what and what to do next."""


def slug(rehearsal: str) -> str:
    """The id as part of the engine's names: at most 20 of [a-z0-9-]."""
    plain = re.sub(r"[^a-z0-9]+", "-", rehearsal.lower()).strip("-")
    return plain if plain and len(plain) <= 20 else hashlib.sha256(rehearsal.encode()).hexdigest()[:12]


def fingerprint(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:10]


class Engine:
    """A client of the engine with the names, labels and locks of one rehearsal."""

    def __init__(self, client: Any, rehearsal: str) -> None:
        self.client = client
        self.rehearsal = rehearsal
        self._guard = threading.Lock()
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def name(self, kind: str, key: str) -> str:
        return f"memdeploy-{slug(self.rehearsal)}-{kind}-{fingerprint(key)}"

    def labels(self, kind: str, key: str, **more: str) -> dict[str, str]:
        return {REHEARSAL: self.rehearsal, KIND: kind, KEY: key} | {f"memdeploy.{k}": v for k, v in more.items()}

    def lock(self, name: str) -> threading.RLock:
        """Held while an object is made: two clients that look at once must not make it twice."""
        with self._guard:
            return self._locks[name]

    def container(self, kind: str, key: str) -> Any | None:
        return self.container_named(self.name(kind, key))

    def container_named(self, name: str) -> Any | None:
        from docker.errors import NotFound

        try:
            return self.client.containers.get(name)
        except NotFound:
            return None

    def finished(self, kind: str, key: str) -> Any | None:
        """The container, unless it is half made: one that was never started belongs to a server that was killed."""
        found = self.container(kind, key)
        if found is not None and found.status == "created":
            remove(found)
            return None
        return found

    def containers(self, kind: str | None = None, **labels: str) -> list[Any]:
        return list(self.client.containers.list(all=True, filters={"label": self._filter(kind, labels)}))

    def volumes(self, kind: str | None = None) -> list[Any]:
        return list(self.client.volumes.list(filters={"label": self._filter(kind, {})}))

    def networks(self, kind: str | None = None) -> list[Any]:
        return list(self.client.networks.list(filters={"label": self._filter(kind, {})}))

    def _filter(self, kind: str | None, labels: dict[str, str]) -> list[str]:
        kinds = [f"{KIND}={kind}"] if kind else []
        return [f"{REHEARSAL}={self.rehearsal}", *kinds, *(f"memdeploy.{k}={v}" for k, v in labels.items())]

    def volume(self, kind: str, key: str, **options: str) -> str:
        """Makes the volume unless it is there; its name."""
        name = self.name(kind, key)
        self.client.volumes.create(name, labels=self.labels(kind, key), driver_opts=options or None)
        return name

    def volume_remove(self, kind: str, key: str) -> None:
        from docker.errors import NotFound

        try:
            self.client.volumes.get(self.name(kind, key)).remove(force=True)
        except NotFound:
            return


def remove(container: Any) -> None:
    """With its anonymous volumes; silent when already gone or going."""
    from docker.errors import APIError, NotFound

    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:
            raise


def run(container: Any, *argv: str, user: str = "", env: dict[str, str] | None = None) -> tuple[int, str]:
    """Runs a command in a container: exit code and output. Secrets go in by `env`, never by `argv`."""
    done = container.exec_run(list(argv), user=user, environment=env or {})
    return int(done.exit_code), done.output.decode(errors="replace").strip()


def connect() -> Any:
    """A client of the local engine. DockerException: none answers."""
    import docker

    return docker.from_env(timeout=SECONDS, max_pool_size=32)
