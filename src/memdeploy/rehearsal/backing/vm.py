"""A virtual machine as a container: a static address in its subnet, its disks, a metadata server, its startup script.

The container has no privileges and no engine's socket; 169.254.169.254 is a second address of its own interface, where
its relay listens. /run is memory (a tmpfs volume, so that the machine's containers can be given files from it), /root
is read-only and /tmp, /mnt/disks are memory, as on Container-Optimized OS
(https://docs.cloud.google.com/container-optimized-os/docs/concepts/disks-and-filesystem); everything else is the boot
disk.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from memdeploy.rehearsal.backing.authority import relay_certificate
from memdeploy.rehearsal.backing.engine import KEY, Engine, remove
from memdeploy.rehearsal.backing.folders import Folders
from memdeploy.rehearsal.backing.machine_docker import GUEST, MachineDocker
from memdeploy.rehearsal.backing.networks import Networks
from memdeploy.rehearsal.backing.protocol import Progress, VmSpec
from memdeploy.rehearsal.backing.registry import Registry
from memdeploy.rehearsal.backing.sockets import Guest, Sockets
from memdeploy.rehearsal.backing.tools import Tools

KIND = "vm"
CONSOLE = 2000
"Lines; the cloud keeps the last megabyte (https://cloud.google.com/compute/docs/troubleshooting/viewing-serial-port-output)."
MEMORY = "memory"
DISK = "disk"
METADATA_ADDRESS = "169.254.169.254"
SERVICES = ("secretmanager", "artifactregistry", "compute", "iam", "iamcredentials", "logging", "monitoring", "storage")
HOSTS = [f"{service}.googleapis.com" for service in SERVICES]
CAPABILITIES = [
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETGID", "SETUID",
]  # fmt: skip
"Below the engine's default; MKNOD makes names of block devices that the device cgroup lets nobody open."


class Machines:
    def __init__(
        self, engine: Engine, networks: Networks, tools: Tools, registry: Registry, folders: Folders, sockets: Sockets
    ) -> None:
        self._engine = engine
        self._networks = networks
        self._tools = tools
        self._registry = registry
        self._folders = folders
        self._sockets = sockets

    def ensure(self, spec: VmSpec) -> Progress:
        """Done when the machine runs; how its script fares is said by its guest attributes. A changed script counts
        from the next start on, as in the cloud."""
        tools = self._tools.progress()
        if not tools.done or tools.error:
            return tools
        with self._engine.lock(self._engine.name(KIND, spec.key)):
            self._folders.write(spec.key, "startup-script", spec.startup_script)
            found = self._engine.finished(KIND, spec.key) or self._create(spec)
            self._listen(spec.key)
            if found.status != "running":
                found.start()
        return Progress(done=True)

    def _create(self, spec: VmSpec) -> Any:
        authority, relay = relay_certificate([*HOSTS, "*.googleapis.com"], dt.datetime.now(dt.UTC))
        self._folders.write(spec.key, "authority.pem", authority)
        self._folders.write(spec.key, "relay.pem", relay)
        client = self._engine.client
        network = self._networks.get(spec.network)
        endpoint = client.api.create_endpoint_config(ipv4_address=spec.address, link_local_ips=[METADATA_ADDRESS])
        names = dict.fromkeys(["metadata.google.internal", "metadata", *HOSTS], METADATA_ADDRESS)
        return client.containers.create(
            self._tools.name(),
            name=self._engine.name(KIND, spec.key),
            hostname=spec.key.rpartition("/")[2],
            labels=self._engine.labels(KIND, spec.key),
            network=network.name,
            networking_config={network.name: endpoint},
            extra_hosts=names,
            volumes=self._volumes(spec),
            tmpfs={"/tmp": "", "/mnt/disks": "", "/root": "ro"},  # noqa: S108 - inside the container
            cap_drop=["ALL"],
            cap_add=CAPABILITIES,
            security_opt=["no-new-privileges"],
        )

    def _volumes(self, spec: VmSpec) -> dict[str, dict[str, str]]:
        memory = self._engine.volume(MEMORY, spec.key, type="tmpfs", device="tmpfs", o="size=16m,mode=0755")
        mounts = {
            str(self._folders.path(spec.key)): {"bind": "/rehearsal/host", "mode": "ro"},
            memory: {"bind": "/run", "mode": "rw"},
        }
        for device, disk in spec.disks.items():
            mounts[self._engine.volume(DISK, disk)] = {"bind": f"/rehearsal/disks/{device}", "mode": "rw"}
        return mounts

    def _listen(self, key: str) -> None:
        docker = MachineDocker(self._engine, self._registry, key)
        self._sockets.listen(self._folders.make(key), Guest(metadata_path(key), docker))

    def resume(self) -> None:
        """Listens again for every machine of this rehearsal: the server before us was killed."""
        for machine in self._engine.containers(KIND):
            self._listen(machine.labels[KEY])

    def console(self, key: str) -> str:
        found = self._engine.container(KIND, key)
        return "" if found is None else found.logs(tail=CONSOLE).decode(errors="replace")

    def remove(self, key: str) -> None:
        for inner in self._engine.containers(GUEST, vm=self._engine.name(KIND, key)):
            remove(inner)
        found = self._engine.container(KIND, key)
        if found is not None:
            remove(found)
        self._sockets.close(self._folders.path(key))
        self._folders.remove(key)
        self._engine.volume_remove(MEMORY, key)


def metadata_path(key: str) -> str:
    """`projects/P/zones/Z/instances/I` -> the path of its metadata view at the rehearsal."""
    parts = key.split("/")
    values = dict(zip(parts[-6::2], parts[-5::2], strict=False))
    return f"/_rehearsal/metadata/{values['projects']}/{values['zones']}/{values['instances']}"
