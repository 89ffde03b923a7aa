"""Memories that an outage left in one store only: counted, named, stored whole, found; by each release's own code."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator

import pytest

from memdeploy.memmachine.api import ApiError
from memdeploy.memmachine.records import Episode, Project, ProjectId
from tests.e2e.sides import Side, started
from tests.e2e.stack import Stack, exited, wait_for

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

STOPPED = {"SERVICE_STOPPED": "yes"}
NOON = dt.datetime(2025, 5, 1, 12, tzinfo=dt.UTC)


IMPATIENT = "import repair, words; repair.SETTLING = 3.0; words.run(repair.repair, seconds=repair.DEADLINE)"
"""`repair`, as startup.sh runs it, with less patience."""


@pytest.fixture(scope="module", params=["0.4.0", pytest.param("0.3.9", marks=pytest.mark.slow)])
def side(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Side]:
    with started(stack, request.param) as side:
        yield side


@pytest.fixture
def project(side: Side, request: pytest.FixtureRequest) -> Iterator[ProjectId]:
    made = ProjectId("halves", f"{request.node.originalname[5:40]}_ü-1")
    side.client.create_project(Project(made, "half stored", {}, {}))
    yield made
    side.client.delete_project(made)
    wait_for(lambda: not any(made.project in str(line) for line in side.answer("count")["projects"]), "deletion", 240)


def memories(word: str, count: int) -> list[Episode]:
    return [
        Episode("", NOON + dt.timedelta(seconds=n), f"{word} {n} rings the bell {n * 7919}", "ann", "user", "bot",
                "message", {"n": str(n)})
        for n in range(count)
    ]  # fmt: skip


def add_while_neo4j_is_away(side: Side, project: ProjectId, *batches: list[Episode]) -> None:
    assert side.stack.neo4j is not None
    side.stack.neo4j.stop(timeout=60)
    try:
        for batch in batches:
            with pytest.raises(ApiError, match="HTTP 500"):
                side.client.add(project, batch)
    finally:
        side.stack.neo4j.start()
        wait_for(side.graph_answers, "Neo4j", 300)


def found(side: Side, project: ProjectId, episode: Episode) -> list[str]:
    return [one.uid for one in side.client.search(project, episode.content) if one.content == episode.content]


def test_an_outage_of_neo4j_is_counted_named_and_repaired(side: Side, project: ProjectId) -> None:
    whole, lost = memories("before", 5), memories("during", 4)
    kept = side.client.add(project, whole)
    add_while_neo4j_is_away(side, project, lost)
    listed = {one.content: one.uid for one in side.client.episodes(project)}
    half = sorted(listed[one.content] for one in lost)
    assert not any(found(side, project, one) for one in lost)

    counted = side.answer("count")
    line = side.project(project, counted)
    assert not counted["consistent"]
    assert (line["stored"], line["searchable"]) == (9, 5)
    assert sorted(line["half"]) == half
    assert not any(one.content in json.dumps(counted) for one in whole + lost)

    repaired = side.answer("repair", **STOPPED)
    assert (repaired["repaired"], repaired["consistent"]) == (4, True)
    line = side.project(project, repaired)
    assert (line["stored"], line["searchable"], line["half"]) == (9, 9, [])
    for one, uid in zip(whole, kept, strict=True):
        assert found(side, project, one) == [uid]
    for one in lost:
        assert found(side, project, one) == [listed[one.content]]
    assert {one.content: one.uid for one in side.client.episodes(project)} == listed
    assert side.answer("repair", **STOPPED)["repaired"] == 0


def test_every_kind_of_half_is_told_apart(side: Side, project: ProjectId) -> None:
    episodes = memories("kind", 5)
    whole, unlinked, doubled, stray, _ = uids = side.client.add(project, episodes)
    label = "SANITIZED_" + "".join(c if c.isalnum() else f"_u{ord(c):x}_" for c in f"Episode_{project}")
    side.cypher(f"MATCH (:`{label}` {{uid: '{unlinked}'}})<-[r]-() DELETE r")
    side.cypher(f"MATCH (n:`{label}` {{uid: '{doubled}'}}) CREATE (m:`{label}`) SET m = properties(n)")
    column = "uid" if side.version == "0.4.0" else "id"
    side.sql(f"DELETE FROM episodestore WHERE {column}::text = '{stray}'")

    line = side.project(project)
    assert line["half"] == sorted([unlinked, doubled])
    assert line["stray"] == [stray]
    assert line["loose"] == 1

    repaired = side.answer("repair", **STOPPED)
    line = side.project(project, repaired)
    assert (repaired["repaired"], repaired["loose_removed"]) == (2, 1)
    assert (line["half"], line["stray"], line["loose"]) == ([], [stray], 0)
    assert not repaired["consistent"]
    for one, uid in zip(episodes, uids, strict=True):
        assert found(side, project, one) == [uid], uid
    assert side.cypher(f"MATCH (n:`{label}`) RETURN count(n)") == [[5]]

    side.client.delete_episodes(project, [stray])  # what one does about a stray memory
    assert side.project(project)["consistent"]
    assert whole in {one.uid for one in side.client.episodes(project)}


def test_a_repair_that_is_killed_loses_and_doubles_nothing(side: Side, project: ProjectId) -> None:
    lost = memories("many", 120)
    add_while_neo4j_is_away(side, project, lost[:60], lost[60:])
    container = side.stack.memmachine("repair", {**side.environment, **STOPPED}, side.image)
    wait_for(lambda: b"50 of 120 stored" in container.logs(), "the first batch", 240)
    time.sleep(0.3)  # somewhere in the next one
    container.kill()
    container.remove(force=True, v=True)

    line = side.project(project)
    assert line["stored"] == 120
    assert 0 < line["half_count"] <= 70
    assert line["stray"] == []
    repaired = side.answer("repair", **STOPPED)
    line = side.project(project, repaired)
    assert (line["stored"], line["searchable"], line["half"], line["loose"]) == (120, 120, [], 0)
    label = "SANITIZED_" + "".join(c if c.isalnum() else f"_u{ord(c):x}_" for c in f"Episode_{project}")
    assert side.cypher(f"MATCH (n:`{label}`) RETURN count(n), count(DISTINCT n.uid)") == [[120, 120]]
    assert all(len(found(side, project, one)) == 1 for one in lost[::10])


def test_what_a_running_server_is_storing_is_left_alone(side: Side, project: ProjectId) -> None:
    """Without SERVICE_STOPPED a repair looks twice; what is half-stored at both looks is repaired."""
    lost = memories("patient", 2)
    add_while_neo4j_is_away(side, project, lost)
    container = side.stack.python(IMPATIENT, side.environment, side.image)
    wait_for(lambda: b"waiting 3 s" in container.logs(), "the first look", 240)
    wait_for(lambda: exited(container), "the repair", 400)
    answer = json.loads(container.logs(stdout=True, stderr=False))
    container.remove(v=True)
    assert (answer["repaired"], answer["consistent"]) == (2, True)


def test_there_is_one_repair_at_a_time(side: Side) -> None:
    assert side.stack.postgres is not None
    holding = "select pg_advisory_lock(5714229032), pg_sleep(600)"
    side.stack.postgres.exec_run(["psql", "-U", "postgres", "-d", side.name, "-c", holding], detach=True)
    locks = "select count(*) from pg_locks where locktype = 'advisory' and granted"
    wait_for(lambda: side.sql(locks) == "1", "the other's lock", 60)
    try:
        ended = side.word("repair", **STOPPED)
        assert (ended.code, json.loads(ended.stdout)["culprit"]) == (56, "repair-busy")
        assert side.answer("count")["ok"]
    finally:
        side.sql("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")


def test_an_outage_of_postgresql_stores_no_half_that_stays_unseen(side: Side, project: ProjectId) -> None:
    """Until 0.3.9 the relational store is written first; 0.4.0 writes both at once, and the graph keeps its part."""
    assert side.stack.postgres is not None
    one, *_ = lost = memories("database", 1)
    side.client.add(project, memories("earlier", 2))
    side.stack.postgres.stop(timeout=60)
    try:
        with pytest.raises(ApiError, match="HTTP 500"):
            side.client.add(project, lost)
        assert side.word("count").code == 21
    finally:
        side.stack.postgres.start()
        side.stack.await_postgres(240)
    line = side.project(project)
    assert line["stored"] == 2
    assert line["half"] == []
    assert len(line["stray"]) == len(found(side, project, one))
    if line["stray"]:
        side.client.delete_episodes(project, line["stray"])
    assert side.project(project)["consistent"]
    [uid] = side.client.add(project, lost)
    assert found(side, project, one) == [uid]
