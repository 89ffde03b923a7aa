"""Containers as the engine shows them, and whether they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memdeploy.providers.local.containers.spec import ROLE, SECOND, SETTINGS, image_id
from memdeploy.providers.local.scope import Scope
from memdeploy.providers.marker import LABEL

if TYPE_CHECKING:
    from docker import DockerClient

RUNNING = "running"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Found:
    """`attrs` as of GET /containers/(id)/json. `answers`: its own health check succeeds now, or did when the engine
    looked last (seconds ago); True for one that has none."""

    attrs: Mapping[str, Any]
    answers: bool

    @property
    def id(self) -> str:
        return str(self.attrs["Id"])

    @property
    def name(self) -> str:
        return str(self.attrs["Name"]).lstrip("/")

    @property
    def labels(self) -> Mapping[str, str]:
        return self.attrs["Config"].get("Labels") or {}

    @property
    def status(self) -> str:
        """created, running, paused, restarting, removing, exited or dead."""
        told = str(self.attrs["State"]["Status"])
        return "exited" if told == "stopped" else told  # podman's word for it

    @property
    def exit_code(self) -> int:
        return int(self.attrs["State"]["ExitCode"])

    @property
    def starting(self) -> bool:
        """It may still come: the engine has not given up on its health."""
        return not self.answers and _health(self.attrs) == "starting"

    @property
    def exhausted(self) -> bool:
        return bool(self.attrs["State"].get("OOMKilled"))

    @property
    def restarts(self) -> int:
        return int(self.attrs.get("RestartCount") or 0)

    def ended(self) -> str:
        """For people: how it came not to run."""
        if self.exhausted:
            return "it needed more memory than its limit"
        return f"exit code {self.exit_code}"


def seen(found: Found) -> dict[str, Any]:
    """Field -> value, in the form of `spec.wanted`."""
    host = found.attrs["HostConfig"]
    return {
        "image": image_id(str(found.attrs["Image"])),
        "settings": found.labels.get(SETTINGS),
        "memory_mb": int(host.get("Memory") or 0) // MEBIBYTE,
        "cpus": int(host.get("NanoCpus") or 0) / SECOND,
        "restart": (host.get("RestartPolicy") or {}).get("Name") or "no",
        "port": _port(host.get("PortBindings") or {}),
    }


def _port(bindings: Mapping[str, Any]) -> int | None:
    ports = [int(one["HostPort"]) for several in bindings.values() for one in several or () if one.get("HostPort")]
    return ports[0] if ports else None


def of_role(scope: Scope, role: str, names: Iterable[str] = ()) -> tuple[Found, ...]:
    """All of ours of that role, and whoever has one of these names. By name."""
    client = scope.engine.client
    ours = client.containers.list(all=True, ignore_removed=True, filters={"label": _labels(scope, role)})
    known = {str(one.name): look(client, str(one.id)) for one in ours}
    for name in names:
        if name not in known:
            known[name] = look(client, name)
    return tuple(one for _, one in sorted(known.items()) if one is not None)


def look(client: DockerClient, name: str) -> Found | None:
    """By name or id; None when there is none."""
    from docker.errors import NotFound

    try:
        attrs = client.api.inspect_container(name)
    except NotFound:
        return None
    return Found(attrs, _answers(client, attrs))


def _labels(scope: Scope, role: str) -> list[str]:
    return [f"{LABEL}={scope.marker.labels[LABEL]}", f"{ROLE}={role}"]


def _health(attrs: Mapping[str, Any]) -> str:
    return str((attrs["State"].get("Health") or {}).get("Status") or "none")


def _answers(client: DockerClient, attrs: Mapping[str, Any]) -> bool:
    """The engine looks seldom: what it does not call healthy is asked now."""
    if attrs["State"]["Status"] != RUNNING:
        return False
    test = (attrs["Config"].get("Healthcheck") or {}).get("Test") or []
    if len(test) < 2 or test[0] != "CMD" or _health(attrs) == "healthy":
        return True
    return _ends_well(client, str(attrs["Id"]), test[1:])


def _ends_well(client: DockerClient, container: str, argv: Sequence[str]) -> bool:
    from docker.errors import APIError

    try:
        started = client.api.exec_create(container, list(argv))
        client.api.exec_start(started["Id"])  # returns when its output ends
        code: int | None = client.api.exec_inspect(started["Id"])["ExitCode"]
    except APIError:  # it ended meanwhile
        return False
    return code == 0
