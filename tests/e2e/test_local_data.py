"""Backup, restore, half-stored memories, upgrade and rollback of local deployments with real servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from memdeploy.engine.crash import VARIABLE
from tests.e2e.local import Local, any_port, remove_all, texts
from tests.e2e.newer import start_the_newer
from tests.support.cli import Memdeploy
from tests.support.stopped import stopped_in

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]

LOCAL = ("--provider", "local", "--runtime", "docker", "--yes")
MANY = 200
#: Neo4j still holds what PostgreSQL no longer does.
KILLED_BETWEEN = {VARIABLE: "after-call:load.postgres:load"}


@pytest.fixture(scope="module")
def engine() -> docker.DockerClient:
    return docker.from_env(timeout=120)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[Memdeploy]:
    """All deployments of this file share a state folder; nothing of them stays in the engine."""
    memdeploy = Memdeploy(tmp_path_factory.mktemp("data"), timeout=900)
    yield memdeploy
    remove_all(engine, *(memdeploy.journal(name) for name in memdeploy.names()))


def made(home: Memdeploy, engine: docker.DockerClient, name: str, *more: str) -> Local:
    home("up", *LOCAL, "--name", name, "--local-port", any_port(), *more)
    return Local(home, engine, name)


# -- backup and restore ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(home: Memdeploy, engine: docker.DockerClient) -> Local:
    local = made(home, engine, "first")
    for start in range(0, MANY, 50):
        local.store("lights", texts(50, start))
    local.store("other", ["The only memory of another project."])
    return local


@pytest.fixture(scope="module")
def archive(first: Local) -> Path:
    said = first.memdeploy("backup", "--name", "first").data
    assert said["holds"]["total"]["stored"] == MANY + 1
    return Path(said["archive"])


def test_a_backup_stops_the_service_and_starts_it_again(first: Local, archive: Path) -> None:
    assert first.search("lights", texts(1)[0]) >= set(texts(1))
    assert archive.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]


def test_a_damaged_archive_is_refused_and_nothing_touched(first: Local, archive: Path, tmp_path: Path) -> None:
    copy = tmp_path / "damaged.tar"
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    before = first.container("api").id

    said = first.memdeploy("restore", str(copy), "--name", "first", "--yes", expect=3).json

    assert said["errors"][0]["code"] == "archive-damaged"
    assert first.container("api").id == before
    assert first.search("lights", texts(1)[0]) >= set(texts(1))


def test_a_backup_that_was_killed_while_neo4j_rested_can_be_made_again(first: Local, tmp_path: Path) -> None:
    """It had stopped the server to read its files, and cannot start it again."""
    killed = first.memdeploy(
        "backup", "--name", "first", "--to", str(tmp_path / "killed.tar"), expect=None,
        extra={VARIABLE: "after-outcome:dump.neo4j:stop"},
    )  # fmt: skip
    assert killed.code == -9
    assert first.container("neo").status == "exited"

    again = first.memdeploy("backup", "--name", "first", "--to", str(tmp_path / "again.tar")).data

    assert again["holds"]["total"]["stored"] == MANY + 1
    assert first.search("lights", texts(1)[0]) >= set(texts(1))
    assert [path.name for path in tmp_path.iterdir()] == ["again.tar"]


def test_a_backup_that_is_stopped_leaves_everything_running(first: Local, tmp_path: Path) -> None:
    """Ctrl-C while Neo4j is asked to rest: nobody should find a deployment stopped that he only wanted to save."""
    archive = tmp_path / "stopped.tar"
    said = stopped_in("dump.neo4j", first.memdeploy, tmp_path, "backup", "--name", "first", "--to", str(archive))

    assert (said.code, said.json["errors"][0]["code"]) == (130, "interrupted")
    assert {one.status for one in first.containers()} == {"running"}
    assert first.search("lights", texts(1)[0]) >= set(texts(1))
    assert [path.name for path in tmp_path.iterdir()] == ["stopped-in-dump.neo4j.jsonl"]


def test_a_restore_that_is_stopped_before_it_replaced_anything_has_touched_nothing(
    first: Local, archive: Path, tmp_path: Path
) -> None:
    restore = ("restore", str(archive), "--name", "first", "--yes")
    said = stopped_in("service.stop", first.memdeploy, tmp_path, *restore)

    assert (said.code, said.json["errors"][0]["code"]) == (130, "interrupted")
    assert first.search("lights", texts(1)[0]) >= set(texts(1))
    first.memdeploy("up", *LOCAL, "--name", "first")


def test_every_memory_lives_again_under_another_name(first: Local, archive: Path, home: Memdeploy) -> None:
    home("destroy", "--name", "first", "--yes", "--delete-data", "--no-final-backup")
    assert first.containers() == []

    said = home("restore", str(archive), "--name", "second", "--yes", "--local-port", any_port()).data
    second = Local(home, first.engine, "second")

    assert said["verified"] == "real"
    assert sorted(second.listed("lights")) == sorted(texts(MANY))
    lost = [text for text in texts(MANY) if text not in second.search("lights", text)]
    assert lost == []
    second.store("lights", texts(1, MANY))
    assert second.search("lights", texts(1, MANY)[0]) >= set(texts(1, MANY))


def test_restoring_over_memories_asks_and_replaces_them(archive: Path, home: Memdeploy, first: Local) -> None:
    second = Local(home, first.engine, "second")
    assert home("restore", str(archive), "--name", "second", expect=4).json["errors"][0]["code"] == "answer-needed"

    home("restore", str(archive), "--name", "second", "--yes")

    assert sorted(second.listed("lights")) == sorted(texts(MANY))


# -- half-stored memories --------------------------------------------------------------------------------------------


def test_half_stored_memories_are_counted_named_and_stored_whole(home: Memdeploy, first: Local) -> None:
    second = Local(home, first.engine, "second")
    home("verify", "--name", "second", "--data")
    neo4j = second.container("neo")
    neo4j.stop(timeout=60)
    second.store("lights", ["Half of this one is missing: kx lx hx."], expect=500)
    neo4j.start()
    wait_healthy(second, "neo")

    found = home("verify", "--name", "second", "--data", expect=7)
    (half,) = [one for one in found.data["data"]["projects"] if one["half"]]
    assert (half["project"], len(half["half"])) == ("org/lights", 1)
    assert found.json["errors"][0]["code"] == "half-stored"

    home("verify", "--name", "second", "--data", "--repair")
    assert "Half of this one is missing: kx lx hx." in second.search("lights", "kx lx hx")
    assert second.listed("lights").count("Half of this one is missing: kx lx hx.") == 1
    home("destroy", "--name", "second", "--yes", "--delete-data", "--no-final-backup")


# -- upgrade and rollback --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def old(home: Memdeploy, engine: docker.DockerClient) -> Local:
    local = made(home, engine, "old", "--release", "0.2.6")
    local.store("lights", texts(20))
    return local


def test_an_upgrade_that_fails_brings_the_earlier_release_back(old: Local) -> None:
    """A table that 0.3.9's migration wants to make is in its way. Killed between the databases, on its way back: the
    new release must not go on with what is there then."""
    old.sql("CREATE TABLE semantic_config_category (x int)")
    upgrade = ("upgrade", "--name", "old", "--to", "0.3.9", "--yes")
    assert old.memdeploy(*upgrade, expect=None, extra=KILLED_BETWEEN).code == -9
    for line in (("up", "--name", "old", "--yes"), ("backup", "--name", "old"), ("destroy", "--name", "old", "--yes")):
        assert old.memdeploy(*line, expect=3).json["errors"][0]["code"] == "rollback-interrupted"
    said = old.memdeploy(*upgrade, expect=1).json

    assert said["errors"][0]["code"] == "upgrade-failed"
    assert old.memdeploy("status", "--name", "old").data["version"] == "0.2.6"
    assert [text for text in texts(20) if text not in old.search("lights", text)] == []
    old.sql("DROP TABLE semantic_config_category")


def test_an_upgrade_keeps_every_memory(old: Local) -> None:
    said = old.memdeploy("upgrade", "--name", "old", "--to", "0.3.9", "--yes").data

    assert (said["from"], said["to"], said["changed"]) == ("0.2.6", "0.3.9", True)
    assert old.memdeploy("status", "--name", "old").data["version"] == "0.3.9"
    assert sorted(old.listed("lights")) == sorted(texts(20))
    assert [text for text in texts(20) if text not in old.search("lights", text)] == []


def test_a_jump_that_loses_memories_is_refused_and_nothing_touched(old: Local) -> None:
    before = old.container("api").id

    said = old.memdeploy("upgrade", "--name", "old", "--to", "0.4.0", "--yes", expect=3).json

    assert said["errors"][0]["code"] == "upgrade-refused"
    assert "--migrate" in said["errors"][0]["suggestion"]
    assert old.container("api").id == before
    assert old.search("lights", texts(1)[0]) >= set(texts(1))


def test_a_newer_release_that_was_started_by_hand_is_undone(old: Local) -> None:
    """Killed between what puts the tables back and what starts the service again: the next one starts it."""
    rescue = ("rescue", "--name", "old")
    untouched = old.memdeploy(*rescue).data
    assert (untouched["found"]["state"], untouched["changed"]) == ("healthy", False)
    start_the_newer(old)
    assert old.memdeploy(*rescue, expect=4).json["errors"][0]["code"] == "answer-needed"

    killed = old.memdeploy(*rescue, "--yes", expect=None, extra={VARIABLE: "before-intent:service:start"})
    assert (killed.code, old.container("api").status) == (-9, "exited")
    said = old.memdeploy(*rescue, "--yes").data

    assert (said["found"]["state"], said["found"]["memories"], said["changed"]) == ("broken", 20, True)
    assert sorted(old.listed("lights")) == sorted(texts(20))
    assert old.memdeploy(*rescue).data["changed"] is False


def test_a_rollback_returns_to_what_was_before(old: Local) -> None:
    old.store("lights", texts(1, 900))
    assert old.memdeploy("rollback", "--name", "old", expect=4).json["errors"][0]["code"] == "answer-needed"

    assert old.memdeploy("rollback", "--name", "old", "--yes", expect=None, extra=KILLED_BETWEEN).code == -9
    old.memdeploy("rollback", "--name", "old", "--yes")

    assert old.memdeploy("status", "--name", "old").data["version"] == "0.2.6"
    assert sorted(old.listed("lights")) == sorted(texts(20))
    assert old.memdeploy("rollback", "--name", "old", "--yes", expect=3).json["errors"][0]["code"] == (
        "nothing-to-roll-back"
    )


def test_memories_are_carried_into_the_next_release(old: Local, home: Memdeploy) -> None:
    home("upgrade", "--name", "old", "--to", "0.3.9", "--yes")
    url = old.url

    said = home("upgrade", "--name", "old", "--migrate", "--into", "new", "--yes").data
    new = Local(home, old.engine, "new")

    assert (said["to"], said["carried"]["compared"], new.url) == ("0.4.0", 20, url)
    assert sorted(new.listed("lights")) == sorted(texts(20))
    assert [text for text in texts(20) if text not in new.search("lights", text)] == []
    assert home.journal("old")["status"] == "retained"


def wait_healthy(local: Local, role: str, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while local.container(role).attrs["State"].get("Health", {}).get("Status") != "healthy":
        assert time.monotonic() < end, f"{role} is not healthy"
        time.sleep(0.5)
