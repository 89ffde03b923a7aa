"""Cloud Run: a job's task, or each container of a service's instance, from its image by digest.

Environment and limits are those of the definition. The container cannot gain capabilities; when its image names a user
it has none and is read-only besides /tmp, which counts as memory in Cloud Run too
(https://docs.cloud.google.com/run/docs/container-contract#filesystem). One that starts as root keeps what it needs to
become another user, and the volumes of its image are memory, gone with it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

from memdeploy.rehearsal.backing.engine import BackingError, Engine, remove
from memdeploy.rehearsal.backing.folders import Folders
from memdeploy.rehearsal.backing.networks import Networks
from memdeploy.rehearsal.backing.offline import OfflineModel
from memdeploy.rehearsal.backing.protocol import ContainerSpec, Progress
from memdeploy.rehearsal.backing.registry import Registry
from memdeploy.rehearsal.backing.sql import SOCKET

LINES = 400
OUTSIDE = "outside"
"Where services and jobs without a VPC are."
RESULT = "result.json"
ROOT = ("", "root", "0", "0:0", "root:root")
BECOME_ANOTHER = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]
"Capabilities of an entry point that gives its files to a user and goes on as that one."
SHORTEST = 8
"Of a variable's value that is looked for in the engine's words: a shorter one may stand there by itself."


class Tasks:
    def __init__(
        self, engine: Engine, networks: Networks, registry: Registry, folders: Folders, model: OfflineModel
    ) -> None:
        self._engine = engine
        self._folders = folders
        self._networks = networks
        self._registry = registry
        self._model = model
        self._failed: dict[str, str] = {}

    def start(self, kind: str, spec: ContainerSpec) -> None:
        """What prevents a start (no such image, the engine refuses) is told by the next look at the state."""
        from docker.errors import DockerException

        self._failed.pop(self._engine.name(kind, spec.key), None)

        with self._engine.lock(self._engine.name(kind, spec.key)):
            if self._engine.finished(kind, spec.key) is not None or self._result(spec.key) is not None:
                return
            try:
                with nullcontext() if spec.networks else self._engine.lock(OUTSIDE):
                    self._create(kind, spec).start()
            except (DockerException, BackingError) as error:
                self._failed[self._engine.name(kind, spec.key)] = _why(error, spec.env)

    def _create(self, kind: str, spec: ContainerSpec) -> Any:
        networks = [self._networks.get(key) for key in spec.networks] or [self._networks.anywhere(OUTSIDE)]
        if self._model.wanted(spec.env):
            self._model.ensure(networks[0])
        image = self._image(spec.image)
        made = self._engine.client.containers.create(
            image.id,
            [*spec.args] or None,
            entrypoint=[*spec.command] or None,
            name=self._engine.name(kind, spec.key),
            labels=self._labels(kind, spec),
            environment=dict(spec.env),
            nano_cpus=self._cpus(spec.cpu),
            mem_limit=f"{spec.memory_mb}m",
            security_opt=["no-new-privileges"],
            mounts=self._sockets(spec),
            **self._place(kind, spec, networks),
            **_user_and_files(image),
        )
        for network in [] if spec.beside else networks[1:]:
            network.connect(made)
        return made

    def _labels(self, kind: str, spec: ContainerSpec) -> dict[str, str]:
        more = {"beside": spec.beside} if spec.beside else {}
        fixed = {"timeout": str(spec.timeout), "port": str(spec.port or ""), "container": spec.name}
        return self._engine.labels(kind, spec.key, **fixed, **more)

    def _place(self, kind: str, spec: ContainerSpec, networks: Sequence[Any]) -> dict[str, Any]:
        """In the first of its networks, or in the place of the container that it is beside."""
        if spec.beside:
            return {"network_mode": f"container:{self._engine.name(kind, spec.beside)}"}
        return {
            "ports": {f"{spec.port}/tcp": ("127.0.0.1", None)} if spec.port else None,
            "network": networks[0].name,
        }

    def _sockets(self, spec: ContainerSpec) -> list[Any]:
        from docker.types import Mount

        known = {name: self._engine.name(SOCKET, key) for name, key in spec.sockets.items()}
        there = {volume.name for volume in self._engine.volumes(SOCKET)}
        return [Mount(name, of, read_only=True) for name, of in known.items() if of in there]

    def _image(self, reference: str) -> Any:
        """By digest from the registry; what the engine still has of it is not enough."""
        if self._registry.owns(reference) and self._registry.digest(reference) is None:
            raise BackingError(f"Image '{reference}' not found.")
        return self._registry.pull(reference)

    def _cpus(self, cpu: float) -> int:
        """The engine refuses more than the machine has."""
        return int(min(cpu, float(self._engine.client.info()["NCPU"])) * 1_000_000_000)

    def job_state(self, key: str) -> Progress:
        """A task that has ended is kept as its result alone: the container's record holds its secrets."""
        found = self._find("job", key)
        if found is None:
            return self._result(key) or self._not_started("job", key)
        progress = self._check_time(found) if found.status == "running" else _ended(found)
        if progress.done:
            self._folders.write(key, RESULT, json.dumps(asdict(progress)))
            remove(found)
            self._leave()
        return progress

    def _result(self, key: str) -> Progress | None:
        path = self._folders.path(key) / RESULT
        return Progress(**json.loads(path.read_text())) if path.exists() else None

    def _check_time(self, found: Any) -> Progress:
        """Looked at when a client looks: a task that had its time is stopped then."""
        started = dt.datetime.fromisoformat(found.attrs["State"]["StartedAt"][:19] + "+00:00")
        seconds = float(found.labels["memdeploy.timeout"])
        if dt.datetime.now(dt.UTC) - started < dt.timedelta(seconds=seconds):
            return Progress(done=False)
        found.kill()
        text = f"The configured timeout of {seconds:g} seconds was reached."
        return Progress(done=True, error=text, exit_code=137, log=_log(found))

    def service_state(self, key: str) -> Progress:
        """While it runs: `done` with its address. Once it ended: `done` with exit code, log and error."""
        found = self._find("service", key)
        if found is None:
            return self._not_started("service", key)
        if found.status != "running":
            return _ended(found, "The container exited")
        return _reached(found)

    def service_log(self, key: str, after: str = "") -> Sequence[tuple[str, str]]:
        found = self._find("service", key)
        if found is None:
            return ()
        text = found.logs(tail=LINES, timestamps=True).decode(errors="replace")
        lines = [(moment, line) for moment, _, line in (one.partition(" ") for one in text.splitlines())]
        return [one for one in lines if one[0] > after]

    def _find(self, kind: str, key: str) -> Any | None:
        """Under the lock of the start: a container that is being made looks like one that was left half made."""
        with self._engine.lock(self._engine.name(kind, key)):
            return self._engine.finished(kind, key)

    def _not_started(self, kind: str, key: str) -> Progress:
        text = self._failed.get(self._engine.name(kind, key), "the container was not started")
        return Progress(done=True, error=text, exit_code=125)

    def remove(self, kind: str, key: str) -> None:
        found = self._engine.container(kind, key)
        for container in (*self._engine.containers(kind, beside=key), *((found,) if found is not None else ())):
            remove(container)
        self._leave()

    def _leave(self) -> None:
        """What is outside of every VPC goes with the last container there."""
        with self._engine.lock(OUTSIDE):
            self._networks.vacate(OUTSIDE)
            self._model.release()


def _why(error: Exception, environment: Mapping[str, str]) -> str:
    """The engine may repeat what it was sent; clients are told this, and it is kept beside what is no secret."""
    text = str(getattr(error, "explanation", None) or error)
    for value in sorted(environment.values(), key=len, reverse=True):
        if len(value) >= SHORTEST:
            for form in (value, json.dumps(value)[1:-1], repr(value)[1:-1]):
                text = text.replace(form, "***")
    return text


def _user_and_files(image: Any) -> dict[str, Any]:
    config = image.attrs["Config"]
    memory = {"/tmp": "mode=1777,size=256m"}  # noqa: S108 - inside the container
    if str(config.get("User") or "") not in ROOT:
        return {"tmpfs": memory, "read_only": True, "cap_drop": ["ALL"]}
    volumes = dict.fromkeys(config.get("Volumes") or (), "mode=1777")
    return {"tmpfs": memory | volumes, "cap_drop": ["ALL"], "cap_add": BECOME_ANOTHER}


def _reached(found: Any) -> Progress:
    """Where a running container takes connections: one that shares another's network says nothing of itself."""
    if "memdeploy.beside" in found.labels:
        return Progress(done=True)
    settings = found.attrs["NetworkSettings"]
    port = settings["Ports"].get(f"{found.labels['memdeploy.port']}/tcp")
    if not port:
        return Progress(done=False)
    address = next((net["IPAddress"] for net in settings["Networks"].values() if net["IPAddress"]), "")
    return Progress(done=True, result={"url": f"http://127.0.0.1:{port[0]['HostPort']}", "address": address})


def _ended(found: Any, always: str = "") -> Progress:
    state = found.attrs["State"]
    code = int(state["ExitCode"])
    text = always or ("The container exited with an error" if code else "")
    if state.get("OOMKilled"):
        text = "Memory limit exceeded. Consider increasing the memory limit"
    error = f"{text} (exit code {code})." if text else None
    return Progress(done=True, error=error, exit_code=code, log=_log(found))


def _log(found: Any) -> str:
    return str(found.logs(tail=LINES).decode(errors="replace"))
