"""The product's own boot script, unchanged, on a rehearsed machine: it ends with a real Neo4j at the static address."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from neo4j import Driver, GraphDatabase, TrustCustomCAs
from neo4j.exceptions import AuthError, ServiceUnavailable

from memdeploy.rehearsal.backing.images import NEO4J
from memdeploy.rehearsal.backing.protocol import VmSpec
from tests.e2e.backing_world import World, until, world
from tests.e2e.certificates import self_signed

pytestmark = pytest.mark.engine
SUBNET, KEY, DISK = (
    "projects/p/regions/r/subnetworks/s",
    "projects/p/zones/z/instances/vm",
    "projects/p/zones/z/disks/d",
)
DEVICE, PASSWORD = "neo4j-4711", "Canary0password0of0neo4j"
SECRETS = "projects/p/secrets/{}/versions/1"


@dataclass
class Machine:
    world: World
    spec: VmSpec
    certificate: Path

    @contextmanager
    def driver(self, password: str = PASSWORD, certificate: Path | None = None) -> Iterator[Driver]:
        trusted = TrustCustomCAs(str(certificate or self.certificate))
        with GraphDatabase.driver(
            f"bolt://{self.spec.address}:7687", auth=("neo4j", password), encrypted=True, trusted_certificates=trusted
        ) as driver:
            yield driver

    def boot(self) -> None:
        """Until its script has said how it ended."""
        before = len(self.world.told.reports)
        assert until(lambda: self.world.backing.vm_ensure(self.spec)).error is None
        self.wait(before)

    def wait(self, before: int) -> None:
        deadline = time.monotonic() + 240
        while not {"ready", "failed"} & {value for _, value in self.world.told.reports[before:]}:
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.3)

    def log(self) -> str:
        text: str = self.container.logs().decode()
        return text

    @property
    def container(self) -> Any:
        return self.world.container("vm")


def _image(made: World) -> str:
    backing, registry = made.backing, made.backing.registry()
    assert until(lambda: backing.hub_ensure(f"{registry}/p/hub", [NEO4J])).error is None
    digest = backing._registry.digest(f"{registry}/p/hub/library/{NEO4J}")
    return f"{registry}/p/hub/library/neo4j@{digest}"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("vm")
    with world(folder) as made:
        address = f"{made.space(1)}.0.5"
        made.backing.network_ensure(SUBNET, f"{made.space(1)}.0.0/24")
        made.backing.disk_ensure(DISK)
        key, certificate = self_signed(address)
        (folder / "neo4j.pem").write_bytes(certificate)
        made.told.secrets |= {SECRETS.format("pw"): PASSWORD, SECRETS.format("tls"): (key + certificate).decode()}
        made.told.attributes |= {
            "memdeploy-device": DEVICE,
            "memdeploy-format": DEVICE,
            "memdeploy-password": SECRETS.format("pw"),
            "memdeploy-tls": SECRETS.format("tls"),
            "memdeploy-image": _image(made),
            "memdeploy-address": address,
            "memdeploy-sources": f"{made.space(1)}.0.0/24",
            "memdeploy-memory": "2048",
            "memdeploy-generation": "g1",
        }
        script = resources.files("memdeploy").joinpath("providers/gcp/neo4j_boot.sh").read_text()
        found = Machine(made, VmSpec(KEY, SUBNET, address, script, {DEVICE: DISK}, "neo@p"), folder / "neo4j.pem")
        found.boot()
        yield found


def test_the_script_runs_to_its_end(machine: Machine) -> None:
    assert machine.world.told.phases() == ["starting", "disk", "secrets", "image", "running", "ready"]


def test_neo4j_answers_at_the_static_address_with_its_certificate(machine: Machine) -> None:
    with machine.driver() as driver:
        driver.verify_connectivity()
    with pytest.raises(AuthError), machine.driver(password="wrong-password") as driver:
        driver.verify_connectivity()


def test_another_certificate_does_not_vouch_for_it(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(self_signed(machine.spec.address)[1])
    with pytest.raises(ServiceUnavailable), machine.driver(certificate=tmp_path / "other.pem") as driver:
        driver.verify_connectivity()


def test_nothing_is_privileged_and_no_engines_socket_is_inside(machine: Machine) -> None:
    for kind in ("vm", "guest"):
        attrs = machine.world.container(kind).attrs
        assert attrs["HostConfig"]["Privileged"] is False
        assert attrs["HostConfig"]["CapDrop"] == ["ALL"]
        assert not any("docker.sock" in mount["Source"] for mount in attrs["Mounts"])


def test_no_secret_is_in_a_configuration_a_log_or_on_the_boot_disk(machine: Machine) -> None:
    for kind in ("vm", "guest"):
        container = machine.world.container(kind)
        assert PASSWORD not in str(container.attrs)
        assert PASSWORD not in container.logs().decode()
    disk = b"".join(machine.container.export())
    assert PASSWORD.encode() not in disk


@pytest.mark.parametrize(
    "argv",
    [
        ["run", "--privileged", "IMAGE"],
        ["run", "-v", "/:/host", "IMAGE"],
        ["run", "-v", "/run/link:/data", "IMAGE"],
        ["exec", "neo4j", "true"],
        ["run", "-d", "neo4j:5.26-community"],
    ],
)
def test_docker_there_does_not_reach_beyond_the_machine(machine: Machine, argv: list[str]) -> None:
    image = machine.world.told.attributes["memdeploy-image"]
    assert machine.container.exec_run(["ln", "-sfn", "/etc", "/run/link"]).exit_code == 0
    done = machine.container.exec_run(["docker", *(image if word == "IMAGE" else word for word in argv)])
    assert done.exit_code == 125
    assert machine.world.container("guest").status == "running"


def test_a_link_planted_behind_a_mount_is_not_followed(machine: Machine) -> None:
    """The rehearsal looks for itself: a path that was resolved in the machine may have changed since."""
    backing, image = machine.world.backing, machine.world.told.attributes["memdeploy-image"]
    assert machine.container.exec_run(["ln", "-sfn", "/etc", f"/rehearsal/disks/{DEVICE}/fs/planted"]).exit_code == 0
    from memdeploy.rehearsal.backing.machine_docker import MachineDocker

    shim = MachineDocker(backing._engine, backing._registry, KEY)
    source = f"/rehearsal/disks/{DEVICE}/fs/planted"
    result = shim(["run", "-d", "-v", f"{source}:/data", image], _Nothing())
    assert (result.code, "is a link" in result.err) == (125, True)


class _Nothing:
    def read(self, size: int = -1, /) -> bytes:
        return b""


def test_what_was_stored_outlives_the_machine(machine: Machine) -> None:
    """A new machine on the old disk, made by a restarted server, which may not format it."""
    with machine.driver() as driver:
        driver.execute_query("CREATE (:Kept {answer: 42})")
    del machine.world.told.attributes["memdeploy-format"]
    machine.world.backing.vm_remove(KEY)
    machine.world.backing = machine.world.restarted()
    machine.boot()
    assert machine.world.told.phases()[-1] == "ready", machine.log()
    with machine.driver() as driver:
        assert driver.execute_query("MATCH (k:Kept) RETURN k.answer AS a").records[0]["a"] == 42
