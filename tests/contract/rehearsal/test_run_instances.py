"""The containers of one instance: their order, their probes, what they share, and what happens when one ends."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.cloud import run_v2

from memdeploy.rehearsal.backing.none import NoBacking
from memdeploy.rehearsal.backing.protocol import ContainerSpec, Progress
from tests.contract.rehearsal.embedded import PROJECT, REGION, Embedded, embedded
from tests.contract.rehearsal.test_front import BASE, allow, auth
from tests.contract.rehearsal.test_front import container as answering
from tests.contract.rehearsal.test_run_services import NAME, container, create, prepare, service
from tests.support.sockets import listening

CONNECTION = f"{PROJECT}:{REGION}:db"


@dataclass
class Started(NoBacking):
    """What was started, by name and in order; `ended` says which have exited, `for_good` that the next ones will too.
    Ports are real ones of loopback."""

    url: str
    specs: list[ContainerSpec] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    for_good: bool = False
    name: str = "containers"  # type: ignore[misc]

    @property
    def names(self) -> list[str]:
        return [spec.name for spec in self.specs]

    def service_start(self, spec: ContainerSpec) -> None:
        if spec.key not in {one.key for one in self.specs}:
            self.specs.append(spec)

    def service_state(self, key: str) -> Progress:
        spec = next(one for one in self.specs if one.key == key)
        if spec.name in self.ended:
            return Progress(done=True, error="The container exited (exit code 1).", exit_code=1)
        reached = {} if spec.beside else {"url": self.url, "address": "127.0.0.1"}
        return Progress(done=True, result=reached)

    def service_log(self, key: str, after: str = "") -> Sequence[tuple[str, str]]:
        lines = [
            (f"2027-01-15T08:00:0{n}.5Z", f"{one.name} speaks") for n, one in enumerate(self.specs) if one.key == key
        ]
        return [line for line in lines if line[0] > after]

    def service_remove(self, key: str) -> None:
        self.specs = [one for one in self.specs if key not in (one.key, one.beside)]
        self.ended = self.ended if self.for_good else set()


@pytest.fixture
def backing() -> Iterator[Started]:
    with answering(200) as url:
        yield Started(url)


@pytest.fixture
def cloud(tmp_path: Path, backing: Started) -> Iterator[Embedded]:
    with embedded(tmp_path / "state", backing=backing) as started:
        prepare(started)
        yield started


@pytest.fixture
def port() -> Iterator[int]:
    with listening(lambda connection: None) as number:
        yield number


def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        return int(reserved.getsockname()[1])


def pair(cloud: Embedded, port: int) -> run_v2.Service:
    """`main`, named first, waits for `side`, whose probe asks `port`."""
    probe = run_v2.Probe(period_seconds=5, failure_threshold=6, tcp_socket=run_v2.TCPSocketAction(port=port))
    side = container(cloud, name="side", ports=[], startup_probe=probe)
    return service(cloud, container(cloud, name="main", depends_on=["side"]), side)


def entries(cloud: Embedded) -> list[tuple[str, str]]:
    """(container, text) of all that was logged."""
    cloud.clock.advance(10)
    with cloud.store.transaction():
        bodies = [row.body for row in cloud.store.below("logging", f"projects/{PROJECT}/entries")]
    return [(body.get("labels", {}).get("container_name", ""), body["textPayload"]) for body in bodies]


def test_a_container_starts_beside_the_one_it_waited_for(cloud: Embedded, backing: Started, port: int) -> None:
    assert create(cloud, pair(cloud, port)).done
    side, main = backing.specs
    assert (side.name, main.name) == ("side", "main")
    assert (side.beside, main.beside) == ("", side.key)
    assert ("PORT" in side.env, main.env["PORT"]) == (False, "8080")
    assert (side.port, side.env["K_SERVICE"]) == (8080, "mem")


def test_it_does_not_start_before_the_probe_has_passed(cloud: Embedded, backing: Started) -> None:
    assert not create(cloud, pair(cloud, closed()), wait=20).done
    assert backing.names == ["side"]
    cloud.clock.advance(40)
    left = cloud.services().get_service(name=NAME)
    assert "failed the configured startup probe checks" in left.terminal_condition.message
    said = entries(cloud)
    assert ("side", "side speaks") in said
    told = 'STARTUP TCP probe failed 6 times consecutively for container "side"'
    assert [name for name, text in said if text.startswith(told)] == ["side"]
    assert backing.specs == []


def test_a_container_that_ends_is_named(cloud: Embedded, backing: Started, port: int) -> None:
    backing.ended.add("side")
    create(cloud, pair(cloud, port))
    left = cloud.services().get_service(name=NAME)
    assert "Container 'side': The container exited (exit code 1)." in left.terminal_condition.message


def test_what_containers_say_is_read_once_each_and_by_name(cloud: Embedded, backing: Started, port: int) -> None:
    assert create(cloud, pair(cloud, port)).done
    body = {"resourceNames": [f"projects/{PROJECT}"], "filter": 'labels.container_name="side"'}
    cloud.clock.advance(10)  # what was said long enough before somebody looks for the first time is there at once
    for _ in range(2):
        status, _, answer = cloud.http("POST", "/logging/v2/entries:list", body)
        [entry] = json.loads(answer)["entries"]
        assert (status, entry["textPayload"], entry["timestamp"]) == (200, "side speaks", "2027-01-15T08:00:00.5Z")
    assert ("main", "main speaks") in entries(cloud)


def test_when_one_has_ended_the_next_request_finds_a_new_instance(cloud: Embedded, backing: Started, port: int) -> None:
    assert create(cloud, pair(cloud, port)).done
    allow(cloud, f"serviceAccount:{cloud.account('vrf')}")
    first = backing.specs
    backing.ended.add("side")
    status, _, body = cloud.http("GET", f"{BASE}/again", headers=auth(cloud))
    assert (status, body) == (200, b"/again None")
    assert backing.names == ["side", "main"]
    assert not {id(spec) for spec in first} & {id(spec) for spec in backing.specs}


def test_a_new_instance_that_does_not_start_is_told_and_tried_again(
    cloud: Embedded, backing: Started, port: int
) -> None:
    assert create(cloud, pair(cloud, port)).done
    allow(cloud, f"serviceAccount:{cloud.account('vrf')}")
    backing.ended, backing.for_good = {"main"}, True
    assert cloud.http("GET", f"{BASE}/x", headers=auth(cloud))[0] == 503
    backing.ended = set()
    assert cloud.http("GET", f"{BASE}/x", headers=auth(cloud))[0] == 200


@pytest.mark.parametrize("role", ["roles/cloudsql.client", "roles/logging.logWriter"])
def test_a_socket_is_there_for_an_account_that_may_connect(cloud: Embedded, backing: Started, role: str) -> None:
    instance = f"projects/{PROJECT}/instances/db"
    cloud.put("sqladmin", "Instance", instance, {"name": "db", "region": REGION})
    member = f"serviceAccount:run@{PROJECT}.iam.gserviceaccount.com"
    policy: dict[str, Any] = {"bindings": [{"role": role, "members": [member]}]}
    path = f"/cloudresourcemanager/v3/projects/{PROJECT}:setIamPolicy"
    assert cloud.http("POST", path, {"policy": policy})[0] == 200
    cloud.clock.advance(100)
    volume = run_v2.Volume(name="sql", cloud_sql_instance=run_v2.CloudSqlInstance(instances=[CONNECTION]))
    mounted = container(cloud, volume_mounts=[run_v2.VolumeMount(name="sql", mount_path="/cloudsql")])
    assert create(cloud, service(cloud, mounted, volumes=[volume])).done
    wanted = {f"/cloudsql/{CONNECTION}": instance} if role == "roles/cloudsql.client" else {}
    assert backing.specs[0].sockets == wanted
