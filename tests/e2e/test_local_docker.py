"""A deployment in containers of this machine, in the order of its life; then one that is killed on its way up."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
import requests
from docker.errors import ImageNotFound
from docker.models.containers import Container

from tests.contract.product import canary
from tests.e2e import pages
from tests.e2e.local import LABEL, Local, remove_all
from tests.e2e.product import until
from tests.support.cli import Memdeploy

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]

UP = ("up", "--yes", "--provider", "local", "--runtime", "docker", "--profile", "small", "--image-source", "pypi")
TEXT = "The harbour master of Zierikzee keeps nineteen brass keys."
QUESTION = "Who keeps the brass keys?"
SERVERS = ("pg", "neo", "mod", "api")
VARIABLE = "MEMDEPLOY_TEST_CRASH"
KILLED = -9
HELD = "memdeploy-test/held:local"
"""A name of the tests' own: the image, which takes a minute to build, outlives the deployments that are removed."""


@pytest.fixture(scope="module")
def engine() -> docker.DockerClient:
    return docker.from_env(timeout=120)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[Local]:
    folder = tmp_path_factory.mktemp("local")
    local = Local(Memdeploy(folder, timeout=900.0), engine, "life")
    yield local
    remove_all(engine, local.journal)
    with contextlib.suppress(ImageNotFound):
        engine.images.remove(HELD)


@pytest.fixture(scope="module")
def deployed(life: Local) -> dict[str, Any]:
    found = up(life, "--local-folder", str(life.memdeploy.folder / "data"), "--local-port", str(free_port()))
    life.container("api").image.tag(HELD)
    life.store("proof", [TEXT])
    return found


def up(local: Local, *more: str, expect: int | None = 0, extra: Mapping[str, str] | None = None) -> dict[str, Any]:
    return local.memdeploy(*UP, "--name", local.name, *more, expect=expect, extra=extra).data


def ask(local: Local, command: str, *more: str, expect: int = 0) -> dict[str, Any]:
    return local.memdeploy(command, "--name", local.name, *more, expect=expect).json


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(local: Local) -> dict[str, tuple[str, str]]:
    """Role -> (container, when it began)."""
    found = {role: local.container(role) for role in SERVERS}
    return {role: (str(one.id), one.attrs["State"]["StartedAt"]) for role, one in found.items()}


def states(said: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["state"] for step in said["data"]["steps"]}


def left(engine: docker.DockerClient, id_: str) -> dict[str, list[str]]:
    label = {"label": f"{LABEL}={id_}"}
    return {
        "containers": sorted(str(one.name) for one in engine.containers.list(all=True, filters=label)),
        "networks": [str(one.name) for one in engine.networks.list(filters=label)],
        "volumes": sorted(one.name for one in engine.volumes.list(filters=label)),
    }


# -- one life --------------------------------------------------------------------------------------------------------


def test_a_memory_is_stored_and_found(life: Local, deployed: dict[str, Any]) -> None:
    assert deployed["verified"] == "real"
    assert deployed["url"] == life.url
    assert deployed["cost_per_month"] is None
    assert TEXT in life.search("proof", QUESTION)


def test_no_page_of_another_site_reaches_it(life: Local, deployed: dict[str, Any]) -> None:
    assert pages.let_in(life.url) == []
    assert pages.from_here(life.url) == 200


def test_a_second_up_changes_nothing(life: Local, deployed: dict[str, Any]) -> None:
    before = started(life)
    again = up(life)
    assert {step["status"] for step in again["steps"]} <= {"unchanged"}
    assert started(life) == before
    spent = sum(step["seconds"] for step in again["steps"] if step["name"] != "verify")
    assert spent < 5, again["steps"]


def test_what_is_said_of_it_to_people_names_no_price(life: Local, deployed: dict[str, Any]) -> None:
    said = life.memdeploy("plan", "--name", life.name, json_output=False)
    assert "Nothing to do" in said.stdout
    assert "$" not in said.stdout


def test_containers_can_do_no_more_than_they_need(life: Local, deployed: dict[str, Any]) -> None:
    for role in SERVERS:
        found = life.container(role).attrs
        host = found["HostConfig"]
        assert host["CapDrop"] == ["ALL"], role
        assert not host["CapAdd"], role
        assert "no-new-privileges" in host["SecurityOpt"], role
        assert host["ReadonlyRootfs"] is (role != "neo"), role
        assert host["RestartPolicy"]["Name"] == "unless-stopped", role
        assert host["Memory"] > 0, role
        assert host["NanoCpus"] > 0, role
        assert not host["Privileged"], role
        (network,) = found["NetworkSettings"]["Networks"]
        assert network.endswith("-net"), role
        assert process_user(life.container(role)) != "0", role
        published = [one for several in found["NetworkSettings"]["Ports"].values() for one in several or ()]
        assert [one["HostIp"] for one in published] == (["127.0.0.1"] if role == "api" else []), role
    assert life.container("api").attrs["Config"]["StopTimeout"] == 120


def process_user(container: Container) -> str:
    code, said = container.exec_run(["sh", "-c", "awk '/^Uid/ {print $2}' /proc/1/status"])
    assert code == 0, said
    return str(said.decode().strip())


def test_secrets_are_in_no_journal_event_label_or_argument(life: Local, deployed: dict[str, Any]) -> None:
    folder = life.memdeploy.folder
    values = {path.stem: json.loads(path.read_text()) for path in (folder / "data").rglob("secrets/*.json")}
    known = {name: held["versions"][-1]["value"] for name, held in values.items() if name != "model"}
    assert set(known) == {"postgres", "neo4j"}
    wanted = {form: what for name, value in known.items() for form, what in canary.forms(name, value).items()}
    for role in SERVERS:
        config = life.container(role).attrs["Config"]
        told = json.dumps([config["Labels"], config["Cmd"], config["Entrypoint"], config.get("Healthcheck")])
        assert canary.found(told.encode(), wanted) == [], role
        _, processes = life.container(role).exec_run(["sh", "-c", "cat /proc/[0-9]*/cmdline"])
        assert canary.found(processes, wanted) == [], role
    said = [ask(life, "logs", name) for name in ("service", "postgres", "neo4j", "model")]
    assert canary.found(json.dumps(said).encode(), wanted) == []
    assert canary.in_files(life.memdeploy.state, wanted) == []


def test_logs_tell_what_each_server_said(life: Local, deployed: dict[str, Any]) -> None:
    def said(component: str, *more: str) -> str:
        return "\n".join(line["text"] for line in ask(life, "logs", component, *more)["data"]["lines"])

    assert "POST /api/v2/memories" in said("service")
    assert "database system is ready" in said("postgres")
    assert "Bolt enabled" in said("neo4j")
    assert "/v1/embeddings" in said("model")
    assert "Bolt enabled" not in said("neo4j", "--level", "error")
    assert said("service", "--since", "1970-01-01T00:00:00Z")
    assert ask(life, "logs", "build", expect=2)["errors"][0]["code"] == "no-such-component"


def test_doctor_and_outputs_tell_of_this_machine(life: Local, deployed: dict[str, Any]) -> None:
    checks = {one["check"]: one["verdict"] for one in ask(life, "doctor")["data"]["checks"]}
    assert checks["engine"] == checks["port"] == checks["disk"] == "passed"
    exported = life.memdeploy("outputs", "--env", "--name", life.name, json_output=False).stdout
    assert f"MEMMACHINE_URL={life.url}" in exported
    assert [one["deployment"] for one in life.memdeploy("list").json["data"]["deployments"]] == ["life"]


def test_all_containers_killed_and_started_again_hold_the_memory(life: Local, deployed: dict[str, Any]) -> None:
    for container in life.containers():
        container.kill()
    seen = ask(life, "status", expect=7)
    assert {states(seen)[step] for step in ("postgres.server", "neo4j.server", "service")} == {"different"}
    for container in life.containers():
        container.start()
    until(lambda: requests.get(f"{life.url}/api/v2/health", timeout=5).ok if answers(life) else False, "MemMachine")
    until(lambda: stores(life), "Neo4j", 240.0)
    assert TEXT in life.search("proof", QUESTION)


def answers(life: Local) -> bool:
    try:
        requests.get(f"{life.url}/api/v2/health", timeout=5)
    except requests.RequestException:
        return False
    return True


def stores(life: Local) -> bool:
    body = {"org_id": "org", "project_id": "other", "types": ["episodic"], "messages": [{"content": "Once more."}]}
    return requests.post(f"{life.url}/api/v2/memories", json=body, timeout=120).ok


def test_a_server_that_ends_by_itself_comes_back_by_itself(life: Local, deployed: dict[str, Any]) -> None:
    before = life.container("api").attrs["State"]["StartedAt"]
    life.container("api").exec_run(["sh", "-c", "kill -TERM 1"])
    until(lambda: life.container("api").attrs["State"]["StartedAt"] != before and answers(life), "MemMachine again")
    assert TEXT in life.search("proof", QUESTION)


@pytest.mark.parametrize(("role", "step"), [("neo", "neo4j.server"), ("pg", "postgres.server")])
def test_a_database_that_is_away_is_named_and_comes_back(
    life: Local, deployed: dict[str, Any], role: str, step: str
) -> None:
    life.container(role).stop(timeout=60)

    seen = ask(life, "status", expect=7)
    assert states(seen)[step] == "different"
    assert life.container(role).name in seen["data"]["reason"]
    assert ask(life, "verify", expect=7)["errors"]

    again = up(life)
    assert {one["name"] for one in again["steps"] if one["status"] == "updated"} >= {step}
    assert TEXT in life.search("proof", QUESTION)


def test_an_option_remakes_only_the_container_that_it_is_about(life: Local, deployed: dict[str, Any]) -> None:
    before = started(life)
    planned = life.memdeploy("plan", "--name", life.name, "--memory", "800Mi").data
    (action,) = [one for one in planned["actions"] if one["action"] != "unchanged"]
    assert (action["step"], action["action"]) == ("service", "change")
    assert action["restart"]["unreachable"]

    up(life, "--memory", "800Mi")
    after = started(life)
    assert {role for role in SERVERS if before[role] != after[role]} == {"api"}
    assert life.container("api").attrs["HostConfig"]["Memory"] == 800 * 1024 * 1024
    assert TEXT in life.search("proof", QUESTION)


def test_a_container_that_somebody_changed_is_put_right(life: Local, deployed: dict[str, Any]) -> None:
    life.container("mod").update(restart_policy={"Name": "no"})
    seen = ask(life, "status")
    assert states(seen)["model.server"] == "different"
    up(life)
    assert life.container("mod").attrs["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"


def test_three_instances_find_what_one_stored(life: Local, deployed: dict[str, Any]) -> None:
    up(life, "--min-instances", "3")
    uris = life.memdeploy.journal(life.name)["steps"]["service"]["outputs"]["uris"]
    assert len(set(uris)) == 3
    assert uris[0] == life.url
    for uri in uris:
        body = {"org_id": "org", "project_id": "proof", "query": QUESTION, "types": ["episodic"]}
        assert TEXT in requests.post(f"{uri}/api/v2/memories/search", json=body, timeout=120).text
    assert ask(life, "outputs")["data"]["outputs"]["urls"] == uris

    up(life, "--min-instances", "1")
    assert [one for one in life.containers() if "-api-" in str(one.name)] == []


def test_destroyed_without_its_data_it_comes_back_with_it(life: Local, deployed: dict[str, Any]) -> None:
    gone = life.memdeploy("destroy", "--yes", "--name", life.name).data
    assert {one["step"] for one in gone["kept"]} >= {"postgres.volume", "neo4j.volume", "secret.neo4j", "folder"}
    rest = left(life.engine, life.id)
    assert (rest["containers"], rest["networks"], len(rest["volumes"])) == ([], [], 2)

    again = up(life)
    assert again["verified"] == "real"
    assert TEXT in life.search("proof", QUESTION)


def test_destroyed_with_its_data_nothing_is_left(life: Local, deployed: dict[str, Any]) -> None:
    identity, names = life.id, life.memdeploy.identity(life.name)
    life.memdeploy("destroy", "--yes", "--delete-data", "--no-final-backup", "--name", life.name)
    assert left(life.engine, identity) == {"containers": [], "networks": [], "volumes": []}
    assert life.engine.images.list(name=f"memdeploy/{life.name}-{names['suffix']}") == []
    assert list((life.memdeploy.folder / "data").iterdir()) == []


# -- a way up with obstacles -----------------------------------------------------------------------------------------

#: Each behind the one before, so that no run comes past a later one: a kill stops steps beside it anywhere.
POINTS = (
    "after-intent:folder:create",
    "after-call:secret.postgres",
    "after-call:postgres.server:create",
    "after-call:postgres.server:furnish",
    "after-outcome:prepare:create",
    "after-call:prepare:start",
    "after-call:service:create",
    "after-outcome:service:start",
)
EARLY = ("after-call:network:create", "after-call:neo4j.volume:create", "after-call:image:tag")


@pytest.fixture(scope="module")
def hindered(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[Local]:
    local = Local(Memdeploy(tmp_path_factory.mktemp("hindered"), timeout=900.0), engine, "hindered")
    yield local
    remove_all(engine, local.journal)


def test_killed_anywhere_up_ends_with_one_of_everything(hindered: Local) -> None:
    place = ("--local-folder", str(hindered.memdeploy.folder / "data"), "--local-port", str(free_port()))
    for point in POINTS:
        killed = hindered.memdeploy(*UP, "--name", "hindered", *place, expect=None, extra={VARIABLE: point})
        assert killed.code == KILLED, (point, killed.code, killed.stdout, killed.stderr)
    assert up(hindered)["verified"] == "real"
    base = f"hindered-{hindered.memdeploy.identity('hindered')['suffix']}"
    assert left(hindered.engine, hindered.id) == {
        "containers": [f"{base}-api", f"{base}-mod", f"{base}-neo", f"{base}-pg"],
        "networks": [f"{base}-net"],
        "volumes": [f"{base}-neo", f"{base}-pg"],
    }


@pytest.mark.parametrize("point", EARLY)
def test_killed_early_destroy_leaves_nothing(hindered: Local, point: str) -> None:
    early = Local(hindered.memdeploy, hindered.engine, f"early-{EARLY.index(point)}")
    killed = hindered.memdeploy(*UP, "--name", early.name, expect=None, extra={VARIABLE: point})
    assert killed.code == KILLED
    base, identity = f"{early.name}-{hindered.memdeploy.identity(early.name)['suffix']}", early.id
    hindered.memdeploy("destroy", "--yes", "--delete-data", "--name", early.name)
    assert left(hindered.engine, identity) == {"containers": [], "networks": [], "volumes": []}
    assert hindered.engine.images.list(name=f"memdeploy/{base}") == []


def test_what_somebody_else_gave_our_name_is_refused_and_not_touched(hindered: Local) -> None:
    """In the middle of its life: its service was removed, and a stranger took the name."""
    name = str(hindered.container("api").name)
    hindered.container("api").remove(force=True)
    other = hindered.engine.containers.create("pgvector/pgvector:pg17", ["true"], name=name)
    try:
        refused = hindered.memdeploy("up", "--yes", "--name", "hindered", expect=3).json
        assert refused["errors"][0]["code"] == "foreign"
        assert hindered.engine.containers.get(name).id == other.id
    finally:
        other.remove(force=True)


def test_a_volume_of_somebody_else_is_refused(hindered: Local) -> None:
    hindered.memdeploy("destroy", "--yes", "--delete-data", "--no-final-backup", "--name", "hindered")
    killed = hindered.memdeploy(*UP, "--name", "other", expect=None, extra={VARIABLE: "before-intent:network"})
    other = Local(hindered.memdeploy, hindered.engine, "other")
    name = f"other-{other.memdeploy.identity('other')['suffix']}-pg"
    hindered.engine.volumes.create(name)
    try:
        assert killed.code == KILLED
        refused = hindered.memdeploy(*UP, "--name", "other", expect=3).json
        assert refused["errors"][0]["code"] == "foreign"
        assert refused["errors"][0]["step"] == "postgres.volume"
        hindered.memdeploy("destroy", "--yes", "--delete-data", "--name", "other")
        assert hindered.engine.volumes.get(name)
    finally:
        hindered.engine.volumes.get(name).remove()
        remove_all(hindered.engine, other.journal)


# -- what is refused before anything is made ---------------------------------------------------------------------------


def test_a_full_disk_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "memdeploy-test", str(disk)], check=True)
    try:
        (disk / "filler").write_bytes(bytes(1_500_000))
        refused = refusal(tmp_path, "--local-folder", str(disk / "data"))
        assert [error["code"] for error in refused["errors"]] == ["folder-full"]
        assert [path.name for path in disk.iterdir()] == ["filler"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_port_that_somebody_has_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = refusal(tmp_path, "--local-port", str(taken.getsockname()[1]))
    assert [error["code"] for error in refused["errors"]] == ["port-taken"]


def refusal(folder: Path, *more: str) -> dict[str, Any]:
    memdeploy = Memdeploy(folder)
    said: dict[str, Any] = memdeploy(*UP, "--name", "refused", *more, expect=3).json
    assert not (memdeploy.state / "refused").exists(), "nothing of it is kept"
    return said
