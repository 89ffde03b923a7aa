"""What can stand behind a rehearsed cloud. The rules of each service call this; `none` and `containers` implement it.

All methods are idempotent by key, return quickly (long work goes on in the engine or in the background) and may be
called again after the server was killed: truth is what the engine reports, found by the rehearsal's own labels. States
are looked at when a client looks, never pushed. Keys are the full Google resource names. Nothing here knows HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Progress:
    """`done` False: still at it. `error` is the text a cloud would show; `exit_code` and `log` where there are any."""

    done: bool
    error: str | None = None
    exit_code: int | None = None
    log: str = ""
    result: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SqlSpec:
    """A database instance: `address` inside the peering range; PEM certificate and key for TLS. Without a network
    nobody reaches it but by its socket (`ContainerSpec.sockets`)."""

    key: str
    version: str  # POSTGRES_17
    network: str  # key of the peering network, or ""
    address: str
    certificate: str
    private_key: str


@dataclass(frozen=True)
class VmSpec:
    """A virtual machine. `startup_script` is executed unchanged; `disks` maps device name -> disk key."""

    key: str
    network: str  # key of the subnet
    address: str
    startup_script: str
    disks: Mapping[str, str]
    account: str


@dataclass(frozen=True)
class ContainerSpec:
    """One run of an image: a job's task, or a container of a service's instance. `env` is complete, secrets resolved.

    `beside`: the key of the container whose network it shares, localhost included; "" when it has one of its own. Then
    `port` is the one that is reached from outside, whichever container of the instance listens there.
    `sockets`: folder in the container -> key of the database instance whose socket lies there.
    """

    key: str
    image: str  # by digest, as the client named it
    command: Sequence[str]
    args: Sequence[str]
    env: Mapping[str, str]
    networks: Sequence[str]  # keys: the subnet and its peering network; none: what is outside of every VPC
    port: int | None
    cpu: float
    memory_mb: int
    timeout: float = 600.0
    beside: str = ""
    name: str = ""  # the definition's own name for it
    sockets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildSpec:
    """A Cloud Build build: steps run one after another in one workspace; images are pushed afterwards."""

    key: str
    steps: Sequence[Mapping[str, object]]  # name, args, entrypoint, env as in the API
    images: Sequence[str]
    timeout: float


class Backing(Protocol):
    name: str  # none | containers

    def registry(self) -> str | None:
        """`127.0.0.1:PORT` of the loopback registry; None: the rehearsal itself answers /v2."""
        ...

    def hub_ensure(self, prefix: str, images: Sequence[str]) -> Progress:
        """Done when images of the public hub can be pulled below `prefix`, a remote repository's registryUri
        (`neo4j:5.26-community` as `<prefix>/library/neo4j:5.26-community`). Asked by the operation that creates the
        repository, so that it ends when its images are there."""
        ...

    def registry_remove(self) -> None:
        """With its images and their names: no repository is left. The next look at `registry` makes a new one."""
        ...

    def free_space(self, before: str | None = None) -> str:
        """A /15 that neither the host nor another rehearsal uses (`none`: 10.70.0.0/15), the same one as long as this
        object lives. `before`: the one of an earlier server, kept when nobody else has taken it."""
        ...

    def network_ensure(self, key: str, cidr: str) -> None: ...
    def network_remove(self, key: str) -> None: ...

    def sql_ensure(self, spec: SqlSpec) -> Progress: ...
    def sql_user(self, key: str, user: str, password: str | None) -> Progress:
        """Makes or changes a user who may create the vector extension; None removes."""
        ...

    def sql_database(self, key: str, database: str, *, present: bool) -> Progress: ...
    def sql_running(self, key: str, *, running: bool) -> Progress: ...
    def sql_remove(self, key: str) -> None: ...

    def disk_ensure(self, key: str) -> None: ...
    def disk_remove(self, key: str) -> None: ...

    def vm_ensure(self, spec: VmSpec) -> Progress: ...
    def vm_console(self, key: str) -> str:
        """What the machine wrote to its serial console, its startup script's words among it."""
        ...

    def vm_remove(self, key: str) -> None: ...

    def build_start(self, spec: BuildSpec) -> None: ...
    def build_state(self, key: str) -> Progress:
        """`result`: image name -> digest."""
        ...

    def job_start(self, spec: ContainerSpec) -> None: ...
    def job_state(self, key: str) -> Progress: ...

    def service_start(self, spec: ContainerSpec) -> None: ...
    def service_state(self, key: str) -> Progress:
        """Once it runs, `result["url"]`: http://127.0.0.1:PORT of the container's port, and `result["address"]`: its
        own in its network. Neither for one that shares another's."""
        ...

    def service_log(self, key: str, after: str = "") -> Sequence[tuple[str, str]]:
        """What it said after that moment, as (RFC 3339, line), oldest first; nothing when it is not there."""
        ...

    def service_remove(self, key: str) -> None:
        """With those beside it, and all that they wrote."""
        ...

    def remove_everything(self) -> None:
        """Containers, volumes and networks with this rehearsal's label."""
        ...
