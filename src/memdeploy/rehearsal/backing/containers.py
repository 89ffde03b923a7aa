"""The backing with real servers: what the rules ask for is made in the local container engine.

`available()` says why not, for `--backing auto`. `Containers` holds nothing that the engine's labels do not, so that a
restarted server goes on where a killed one stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memdeploy.rehearsal.backing import images
from memdeploy.rehearsal.backing.builds import Builds
from memdeploy.rehearsal.backing.disks import Disks
from memdeploy.rehearsal.backing.engine import Engine, connect, remove
from memdeploy.rehearsal.backing.folders import Folders
from memdeploy.rehearsal.backing.images import Background, Images
from memdeploy.rehearsal.backing.networks import Networks, remove_network
from memdeploy.rehearsal.backing.offline import OfflineModel, program
from memdeploy.rehearsal.backing.protocol import Backing, BuildSpec, ContainerSpec, Progress, SqlSpec, VmSpec
from memdeploy.rehearsal.backing.registry import Registry, remove_images
from memdeploy.rehearsal.backing.sockets import Sockets, Upstream
from memdeploy.rehearsal.backing.sql import Sql
from memdeploy.rehearsal.backing.tasks import Tasks
from memdeploy.rehearsal.backing.tools import Tools
from memdeploy.rehearsal.backing.vm import Machines


class Containers:
    """Implements `Backing` for one rehearsal.

    `state` is the rehearsal's own folder (0700). `upstream` says where the rehearsal listens and its token, asked anew
    for each request of a container. `offline_model` is the program that answers at http://offline-model:9000/v1; None:
    the one that comes with memdeploy, read as a file.
    """

    name = "containers"

    def __init__(self, rehearsal: str, state: Path, upstream: Upstream, offline_model: Path | None = None) -> None:
        self._engine = engine = Engine(connect(), rehearsal)
        self._background = background = Background()
        self._sockets = sockets = Sockets(upstream)
        self._folders = Folders(state)
        available = Images(engine, background)
        tools = Tools(engine, available, background)
        self._networks = Networks(engine)
        self._registry = Registry(engine, available, background)
        self._disks = Disks(engine)
        self._sql = Sql(engine, available, self._networks)
        self._machines = Machines(engine, self._networks, tools, self._registry, self._folders, sockets)
        self._builds = Builds(engine, tools, self._registry, self._folders, sockets)
        self._model = OfflineModel(engine, self._folders, offline_model or program())
        self._tasks = Tasks(engine, self._networks, self._registry, self._folders, self._model)
        self._machines.resume()

    def registry(self) -> str:
        return self._registry.address()

    def hub_ensure(self, prefix: str, images: Sequence[str]) -> Progress:
        return self._registry.hub(prefix, images)

    def registry_remove(self) -> None:
        self._registry.remove()

    def free_space(self, before: str | None = None) -> str:
        return self._networks.free_space(before)

    def network_ensure(self, key: str, cidr: str) -> None:
        self._networks.ensure(key, cidr)

    def network_remove(self, key: str) -> None:
        self._networks.remove(key)
        self._model.release()

    def sql_ensure(self, spec: SqlSpec) -> Progress:
        return self._sql.ensure(spec)

    def sql_user(self, key: str, user: str, password: str | None) -> Progress:
        return self._sql.user(key, user, password)

    def sql_database(self, key: str, database: str, *, present: bool) -> Progress:
        return self._sql.database(key, database, present=present)

    def sql_running(self, key: str, *, running: bool) -> Progress:
        return self._sql.running(key, running=running)

    def sql_remove(self, key: str) -> None:
        self._sql.remove(key)

    def disk_ensure(self, key: str) -> None:
        self._disks.ensure(key)

    def disk_remove(self, key: str) -> None:
        self._disks.remove(key)

    def vm_ensure(self, spec: VmSpec) -> Progress:
        return self._machines.ensure(spec)

    def vm_console(self, key: str) -> str:
        return self._machines.console(key)

    def vm_remove(self, key: str) -> None:
        self._machines.remove(key)

    def build_start(self, spec: BuildSpec) -> None:
        self._builds.start(spec)

    def build_state(self, key: str) -> Progress:
        return self._builds.state(key)

    def job_start(self, spec: ContainerSpec) -> None:
        self._tasks.start("job", spec)

    def job_state(self, key: str) -> Progress:
        return self._tasks.job_state(key)

    def service_start(self, spec: ContainerSpec) -> None:
        self._tasks.start("service", spec)

    def service_state(self, key: str) -> Progress:
        return self._tasks.service_state(key)

    def service_log(self, key: str, after: str = "") -> Sequence[tuple[str, str]]:
        return self._tasks.service_log(key, after)

    def service_remove(self, key: str) -> None:
        self._tasks.remove("service", key)

    def remove_everything(self) -> None:
        """Containers first (machines' inner ones before the machines), then networks, volumes and image names."""
        self._forget()
        registries = self._engine.containers("registry")
        for kind in ("guest", None):
            for container in self._engine.containers(kind):
                remove(container)
        for port in (container.labels["memdeploy.port"] for container in registries):
            remove_images(self._engine, port)
        for network in self._engine.networks():
            remove_network(network, self._engine)
        for volume in self._engine.volumes():
            volume.remove(force=True)
        self._folders.remove_all()

    def _forget(self) -> None:
        """What this process remembers of what is going away: a rehearsal that was reset uses the backing again."""
        self._builds.forget()
        self._background.forget()
        self._sockets.close_all()
        self._registry.forget()


if TYPE_CHECKING:
    _IMPLEMENTED: type[Backing] = Containers


def available() -> str | None:
    """Why containers cannot stand behind a rehearsal on this machine; None: they can.

    Takes at most about ten seconds: one manifest request for each image that is not here.
    """
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=10)
        info = client.info()
    except DockerException as error:
        return f"no container engine answers: {str(error).splitlines()[0][:200]}"
    unsuitable = _unsuitable(str(client.api.base_url), info)
    if unsuitable:
        return unsuitable
    missing = images.unobtainable(client, images.NEEDED)
    return f"not here, and the hub does not offer them: {', '.join(missing)}" if missing else None


def _unsuitable(url: str, info: dict[str, object]) -> str | None:
    """A unix socket is mounted into containers, and bind mounts name folders of this host."""
    if not url.startswith("http+docker://"):
        return f"the container engine at {url} is not on this machine"
    if info.get("OSType") != "linux" or "Docker Desktop" in str(info.get("OperatingSystem")):
        return f"{info.get('OperatingSystem')} cannot mount a unix socket of this machine into a container"
    if info.get("Architecture") not in ("x86_64", "amd64"):
        return f"the container engine runs {info.get('Architecture')}, the images are linux/amd64"
    return None
