"""Cloud Build's steps really build, and what was pushed runs by digest as a job's task and as a service."""

from __future__ import annotations

import base64
import io
import tarfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from memdeploy.rehearsal.backing.engine import REHEARSAL
from memdeploy.rehearsal.backing.protocol import BuildSpec, ContainerSpec, Progress
from tests.e2e.backing_world import World, until, world

pytestmark = pytest.mark.engine
SUBNET, PEERING = "projects/p/regions/r/subnetworks/s", "projects/p/global/networks/n/peering"
BUILD = "projects/p/locations/r/builds/one"
DOCKERFILE = """\
FROM python:3.12-slim-trixie
COPY app.py /app.py
USER 10001:10001
ENTRYPOINT ["python3", "/app.py"]
"""
APP = """\
import http.server, os, socket, sys, time, urllib.request
def task(word):
    if word == "sleep": time.sleep(60)
    if word == "fail": sys.exit(23)
    if word == "write": open("/written", "w")
    if word == "model": print(urllib.request.urlopen("http://offline-model:9000/v1/models", timeout=10).status)
    print("uid", os.getuid(), "secret", len(os.environ["CANARY"]), "networks", len(socket.if_nameindex()) - 1)
if sys.argv[1:]: sys.exit(task(sys.argv[1]))
place = ("0.0.0.0", int(os.environ["PORT"]))
http.server.ThreadingHTTPServer(place, http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@dataclass
class Built:
    world: World
    digest: str
    name: str

    def task(self, word: str, **changes: object) -> Progress:
        spec = ContainerSpec(
            key=f"projects/p/jobs/j/executions/{word}{len(changes)}",
            image=f"{self.name.rpartition(':')[0]}@{self.digest}",
            command=(),
            args=(word,),
            env={"CANARY": "c" * 12, "MODEL_BASE_URL": "http://offline-model:9000/v1"},
            networks=(SUBNET, PEERING),
            port=None,
            cpu=1,
            memory_mb=256,
        )
        spec = replace(spec, **changes)  # type: ignore[arg-type]
        self.world.backing.job_start(spec)
        self.world.backing.job_start(spec)
        return until(lambda: self.world.backing.job_state(spec.key))


def _packed() -> str:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in {"Dockerfile": DOCKERFILE, "app.py": APP}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return base64.b64encode(buffer.getvalue()).decode()


def _build(made: World, key: str, steps: list[dict[str, object]], images: list[str]) -> Progress:
    made.backing.build_start(BuildSpec(key, steps, images, 300))
    return until(lambda: made.backing.build_state(key))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    with world(tmp_path_factory.mktemp("run")) as made:
        made.backing.network_ensure(SUBNET, f"{made.space(1)}.0.0/24")
        made.backing.network_ensure(PEERING, f"{made.space(0)}.0.0/16")
        name = f"{made.backing.registry()}/p/images/app:$BUILD_ID"
        docker = "gcr.io/cloud-builders/docker"
        unpack = f"mkdir ctx && echo {_packed()} | base64 -d | tar xz -C ctx && echo $$HOME"
        steps: list[dict[str, object]] = [
            {"name": docker, "entrypoint": "bash", "args": ["-c", unpack]},
            {"name": docker, "args": ["build", "-t", name, "ctx"]},
        ]
        name = name.replace("$BUILD_ID", "one")
        ended = _build(made, BUILD, steps, [name])
        assert ended.error is None, ended.log
        assert "/builder/home" in ended.log
        yield Built(made, ended.result[name], name)


def test_the_digest_is_the_registrys(built: Built) -> None:
    assert built.digest == built.world.backing._registry.digest(built.name)


def test_the_end_of_a_build_is_known_to_a_restarted_server(built: Built) -> None:
    assert built.world.restarted().build_state(BUILD).result == {built.name: built.digest}


def test_a_failed_step_ends_the_build_by_its_number_and_name(built: Built) -> None:
    steps: list[dict[str, object]] = [
        {"name": "bash", "args": ["-c", "exit 1"], "allowFailure": True},
        {"name": "bash", "args": ["-c", "echo no such thing; exit 4"]},
    ]
    ended = _build(built.world, f"{BUILD}-failed", steps, [])
    assert ended.error is not None
    assert 'build step 1 "bash" failed: step exited with non-zero status: 4 (no such thing)' in ended.error


def test_a_build_pushes_nowhere_else(built: Built) -> None:
    step: dict[str, object] = {"name": "gcr.io/cloud-builders/docker", "args": ["push", "registry.example/x:1"]}
    assert "pushes to 127.0.0.1" in (_build(built.world, f"{BUILD}-away", [step], []).error or "")


def test_a_task_runs_with_its_environment_and_networks_as_the_images_user(built: Built) -> None:
    ended = built.task("say")
    assert (ended.error, ended.exit_code) == (None, 0)
    assert ended.log.strip() == "uid 10001 secret 12 networks 2"


def test_the_offline_model_answers_by_its_name(built: Built) -> None:
    assert built.task("model").log.splitlines()[0] == "200"


def test_a_task_that_fails_tells_its_exit_code(built: Built) -> None:
    assert built.task("fail").exit_code == 23


def test_a_tasks_file_system_is_read_only(built: Built) -> None:
    assert "Read-only file system" in built.task("write").log


def test_a_task_ends_when_its_time_is_over(built: Built) -> None:
    ended = built.task("sleep", timeout=1.0)
    assert "timeout of 1 seconds" in (ended.error or "")


def test_an_image_that_is_not_in_the_registry_does_not_start(built: Built) -> None:
    ended = built.task("say", image=f"{built.name.rpartition(':')[0]}@sha256:{'0' * 64}")
    assert "not found" in (ended.error or "")


def test_a_service_listens_on_loopback_until_it_is_removed(built: Built) -> None:
    backing, key = built.world.backing, "projects/p/services/s/revisions/s-1"
    image = f"{built.name.rpartition(':')[0]}@{built.digest}"
    spec = ContainerSpec(key, image, (), (), {"PORT": "8080"}, (SUBNET, PEERING), 8080, 64.0, 256)
    backing.service_start(spec)
    url = until(lambda: backing.service_state(key)).result["url"]
    assert url.startswith("http://127.0.0.1:")

    def answers() -> Progress:
        try:
            with urllib.request.urlopen(f"{url}/", timeout=5) as answer:
                return Progress(done=answer.status == 200)
        except OSError:
            return Progress(done=False)

    assert until(answers).done
    host = built.world.container("service").attrs["HostConfig"]
    assert (host["CapDrop"], host["ReadonlyRootfs"], host["Privileged"]) == (["ALL"], True, False)
    backing.service_remove(key)
    backing.service_remove(key)
    assert backing.service_state(key).error is not None


def test_containers_of_an_instance_share_their_localhost_and_go_together(built: Built) -> None:
    """The first has the network and the port that is published; the second listens there."""
    backing, key = built.world.backing, "projects/p/services/s/revisions/s-2"
    image = f"{built.name.rpartition(':')[0]}@{built.digest}"
    first = ContainerSpec(key, image, (), (), {"PORT": "9090"}, (SUBNET, PEERING), 8080, 1.0, 256, name="first")
    second = replace(first, key=f"{key}/containers/second", env={"PORT": "8080"}, beside=key, name="second")
    backing.service_start(first)
    reached = until(lambda: backing.service_state(key)).result
    backing.service_start(second)
    assert until(lambda: backing.service_state(second.key)).result == {}
    places = (reached["url"], f"http://{reached['address']}:9090")

    def answer() -> Progress:
        try:
            return Progress(done=all(urllib.request.urlopen(place, timeout=5).status == 200 for place in places))
        except OSError:
            return Progress(done=False)

    assert until(answer).done
    backing.service_remove(key)
    assert {backing.service_state(one).error for one in (key, second.key)} == {"the container was not started"}


def test_without_a_vpc_the_offline_model_answers_and_nothing_stays_of_that_network(built: Built) -> None:
    before = set(built.world.left())
    assert built.task("model", networks=()).log.splitlines()[0] == "200"
    assert {name for name in set(built.world.left()) - before if "-net-" in name} == set()


def test_a_reset_rehearsal_uses_its_backing_again(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        assert made.backing.registry().startswith("127.0.0.1:")
        space = made.backing.free_space()
        made.backing.remove_everything()
        assert made.left() == []
        assert made.backing.free_space() == space
        again = made.backing.registry()
        with urllib.request.urlopen(f"http://{again}/v2/", timeout=10) as answer:
            assert answer.status == 200


def test_of_a_task_that_ended_only_its_result_is_kept(built: Built) -> None:
    ended = built.task("fail", timeout=50.0)
    key = "projects/p/jobs/j/executions/fail1"
    label = {"label": [f"memdeploy.key={key}", f"{REHEARSAL}={built.world.id}"]}
    assert built.world.client.containers.list(all=True, filters=label) == []
    assert built.world.restarted().job_state(key) == ended
