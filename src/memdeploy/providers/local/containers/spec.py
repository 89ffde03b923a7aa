"""What a container is made from, as data; what of it the engine shows, to compare. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from memdeploy.providers.local.sizes import Size
from memdeploy.secret import Secret, SecretRef

SETTINGS = "memdeploy-settings"
"Label: a hash of all that a container is made from and the engine does not show in the same form."
ROLE = "memdeploy-role"
UNLESS_STOPPED = "unless-stopped"
SECOND = 1_000_000_000  # the engine counts in nanoseconds
LOOPBACK = "127.0.0.1"
TEMPORARY = "/tmp"  # noqa: S108 - inside a container
RUN = "/var/run/"
EVERY = 15
"Seconds between two health checks: each is a process of its own."


@dataclass(frozen=True)
class Sealed:
    """A variable whose value is known when the container is made, and never before: `prefix` and a secret."""

    ref: SecretRef
    prefix: str = ""


Value = str | Sealed


@dataclass(frozen=True)
class Spec:
    """`birth`: variables that count only while the volume is empty: another value is no reason to make it anew.
    `port`: (its own, the loopback address's). `ready` ends with 0 once it answers. `user` None: the image's."""

    name: str
    role: str
    image: str
    size: Size
    environment: Mapping[str, Value] = field(default_factory=dict)
    birth: Mapping[str, Value] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    network: str | None = None
    network_id: str | None = None
    aliases: tuple[str, ...] = ()
    volumes: Mapping[str, str] = field(default_factory=dict)
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    port: tuple[int, int] | None = None
    user: str | None = None
    read_only: bool = True
    restart: str = UNLESS_STOPPED
    ready: tuple[str, ...] = ()
    start_seconds: int = 120
    stop_seconds: int = 30
    stop_signal: str | None = None
    shared_memory: int = 64
    hosts: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> str:
        """A secret stands in it by name and version: each new value has a version of its own."""
        plain = {
            "environment": {name: _plain(value) for name, value in sorted(self.environment.items())},
            "command": self.command, "entrypoint": self.entrypoint, "network": self.network_id,
            "aliases": self.aliases, "volumes": dict(self.volumes), "tmpfs": dict(self.tmpfs), "user": self.user,
            "read_only": self.read_only, "ready": self.ready, "start": self.start_seconds,
            "stop": [self.stop_seconds, self.stop_signal], "shared_memory": self.shared_memory,
            "hosts": dict(self.hosts), "inside": self.port and self.port[0],
        }  # fmt: skip
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def _plain(value: Value) -> Any:
    return value if isinstance(value, str) else [value.prefix, value.ref.to_json()]


@dataclass(frozen=True)
class Powers:
    """What an engine can do: one without cgroups (some rootless ones) cannot hold a container to a size. `own_run`: it
    mounts a /run of root's own into a container with a read-only root, as podman does; what is below stays hidden."""

    cpus: int = 1
    memory: bool = True
    shares: bool = True
    own_run: bool = False

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Powers:
        """`info` as the engine's API gives it (GET /info)."""
        cpus, podman = int(info.get("NCPU") or 1), "BuildahVersion" in info
        return cls(cpus, bool(info.get("MemoryLimit", True)), bool(info.get("CpuCfsQuota", True)), podman)

    def limited(self, size: Size) -> Size:
        """The engine refuses more processors than there are."""
        return Size(size.memory if self.memory else 0, min(size.cpus, float(self.cpus)) if self.shares else 0.0)


def wanted(spec: Spec, powers: Powers) -> dict[str, Any]:
    """Field -> value, as `found.seen` reads it off a container."""
    size = powers.limited(spec.size)
    return {
        "image": image_id(spec.image),
        "settings": spec.settings,
        "memory_mb": size.memory,
        "cpus": size.cpus,
        "restart": spec.restart,
        "port": spec.port[1] if spec.port else None,
    }


def image_id(text: str) -> str:
    """podman leaves the algorithm out."""
    return text.removeprefix("sha256:")


def arguments(
    spec: Spec, powers: Powers, labels: Mapping[str, str], reveal: Callable[[SecretRef], Secret]
) -> dict[str, Any]:
    """For `APIClient.create_container`, but `host_config` and `networking_config`: see `host` and `aliases`. Holds the
    values of secrets: to be made inside the call."""
    environment = {**spec.environment, **spec.birth}
    made: dict[str, Any] = {
        "image": spec.image,
        "name": spec.name,
        "labels": {**labels, ROLE: spec.role, SETTINGS: spec.settings},
        "environment": {name: _revealed(value, reveal) for name, value in environment.items()},
        "command": list(spec.command) or None,
        "entrypoint": list(spec.entrypoint) or None,
        "user": spec.user,
        "stop_timeout": spec.stop_seconds,
        "stop_signal": spec.stop_signal,
        "healthcheck": _health(spec),
        "ports": [spec.port[0]] if spec.port else None,
    }
    return {name: value for name, value in made.items() if value is not None}


def host(spec: Spec, powers: Powers) -> dict[str, Any]:
    """For `APIClient.create_host_config`."""
    size = powers.limited(spec.size)
    writable = powers.own_run and any(path.startswith(RUN) for path in spec.tmpfs)
    return {
        "binds": {name: {"bind": path, "mode": "rw"} for name, path in spec.volumes.items()},
        "tmpfs": {path: options for path, options in spec.tmpfs.items() if not (writable and path.startswith(RUN))},
        "port_bindings": {spec.port[0]: (LOOPBACK, spec.port[1])} if spec.port else {},
        "read_only": spec.read_only and not writable,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "restart_policy": {"Name": spec.restart},
        "network_mode": spec.network or "none",
        "shm_size": f"{spec.shared_memory}m",
        "extra_hosts": dict(spec.hosts),
        "pids_limit": 2048,
        "log_config": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
        **({"mem_limit": f"{size.memory}m"} if size.memory else {}),
        **({"nano_cpus": int(size.cpus * SECOND)} if size.cpus else {}),
    }


def _revealed(value: Value, reveal: Callable[[SecretRef], Secret]) -> str:
    return value if isinstance(value, str) else value.prefix + reveal(value.ref).reveal()


def _health(spec: Spec) -> dict[str, Any] | None:
    if not spec.ready:
        return None
    return {
        "test": ["CMD", *spec.ready], "interval": EVERY * SECOND, "timeout": 10 * SECOND, "retries": 3,
        "start_period": spec.start_seconds * SECOND,
    }  # fmt: skip
