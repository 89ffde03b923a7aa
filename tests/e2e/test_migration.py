"""Memories carried from a real 0.3.9 to a real 0.4.0 through their APIs: all of them, every field, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from memdeploy.errors import Refused
from memdeploy.memmachine.api import ApiError, Client
from memdeploy.memmachine.migration import Result, Sides, State, migrate, take
from memdeploy.memmachine.records import Episode, Project, ProjectId
from tests.e2e.remembered import ALPHA, BETA, GAMMA, MORNING, episodes, everything, fill
from tests.e2e.sides import Side, started
from tests.e2e.stack import Stack, wait_for

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def pair(stack: Stack, other_stack: Stack) -> Iterator[tuple[Side, Side]]:
    """An old side with memories and an empty new one."""
    with ExitStack() as up, ThreadPoolExecutor() as pool:
        contexts = [started(stack, "0.3.9"), started(other_stack, "0.4.0")]
        old, new = pool.map(up.enter_context, contexts)
        fill(old)
        yield old, new


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("migration") / "state.json"


def carry(old: Side, new: Side, path: Path, *, http: Any = None, batch: int = 50, **more: Any) -> Result:
    client = Client(http or requests.Session(), new.url)
    with State.open(path, pair="test") as state:
        return migrate(Sides(old.client, client, state, batch=batch), **{"sample": 10, **more})


def test_what_there_is_and_what_is_lost_is_told_first(pair: tuple[Side, Side]) -> None:
    old, new = pair
    found = take(old.client, "0.4.0")
    assert (found.old_version, found.new_version) == ("0.3.9", "0.4.0")
    assert found.episodes == {ALPHA: 20, BETA: 20, GAMMA: 20}
    assert found.total == 60
    assert found.features == len(everything(old)["features"]) == old.answer("count")["total"]["features"] == 10
    assert found.characters == sum(len(e.content) for p in found.episodes for e in old.client.episodes(p))
    [tags] = [loss for loss in found.losses if loss.code == "category-tags"]
    assert tags.names == ("customs", "likes")
    assert new.client.projects() == []


def test_all_of_it_arrives(pair: tuple[Side, Side], path: Path) -> None:
    old, new = pair
    seen: list[Any] = []
    result = carry(old, new, path, progress=seen.append, sample=60)
    assert result.comparison.differences == []
    assert result.holds
    assert (result.comparison.projects, result.comparison.episodes, result.comparison.features) == (3, 60, 10)
    assert result.comparison.reordered == 0
    assert result.comparison.found == result.comparison.sampled == 60
    assert [(one.seen, one.added) for one in result.passes] == [(60, 60)]
    assert (seen[-1].phase, [one.done for one in seen if one.phase == "carrying"][-1]) == ("comparing", 60)
    assert everything(new) == everything(old)
    counted = new.answer("count")
    assert counted["consistent"]
    assert counted["total"] | {"undigested": 0} == counted["total"]  # nothing waits to be learned again
    assert not any(e.content in path.read_text() for p in (ALPHA, BETA, GAMMA) for e in old.client.episodes(p))


def test_once_more_changes_nothing(pair: tuple[Side, Side], path: Path) -> None:
    old, new = pair
    uids = [one.uid for one in new.client.episodes(ALPHA)]
    [done] = (result := carry(old, new, path)).passes
    assert (done.seen, done.added, done.found, done.removed, result.features) == (60, 0, 60, 0, 0)
    assert result.holds
    assert [one.uid for one in new.client.episodes(ALPHA)] == uids


def test_a_lost_state_finds_everything_again_but_asks_whose_it_is(pair: tuple[Side, Side], tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not empty") as caught:
        carry(*pair, tmp_path / "other.json")
    assert caught.value.code == "migrate-not-empty"


def test_what_comes_and_goes_meanwhile_is_followed(pair: tuple[Side, Side], path: Path) -> None:
    """While the first pass runs the old side gets a memory and loses one; a further pass brings both.

    The memory has an instant of its own: among those of one instant 0.4.0 keeps the order of one request only.
    """
    old, new = pair
    late = Episode(
        "", MORNING + dt.timedelta(seconds=2, microseconds=7), "a late lantern", "ann", "user", "", "message", {}
    )
    victim = next(iter(old.client.episodes(GAMMA)))
    did: list[bool] = []

    def disturb(progress: Any) -> None:
        if progress.phase == "comparing" and not did:
            did.append(True)
            old.client.add(ALPHA, [late])
            old.client.delete_episodes(GAMMA, [victim.uid])

    result = carry(old, new, path, progress=disturb)
    assert result.holds
    assert [(one.added, one.removed) for one in result.passes] == [(0, 0), (1, 1)]
    assert everything(new) == everything(old)
    assert late.content in {one.content for one in new.client.search(ALPHA, late.content)}


class LosingAnswers:
    """A real session; of every batch of memories the answer is lost on its way back, after the effect."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self.lost = 0

    def request(self, method: str, url: str, *, json: Any = None, timeout: float) -> requests.Response:
        response = self._session.request(method, url, json=json, timeout=timeout)
        if url.endswith("/memories"):
            self.lost += 1
            raise ConnectionResetError
        return response


def test_batches_whose_answers_were_lost_are_not_doubled(pair: tuple[Side, Side], path: Path) -> None:
    old, new = pair
    project = ProjectId("acme", "lost-answers")
    old.client.create_project(Project(project, "", {}, {}))
    old.client.add(project, episodes(project, 48))
    http = LosingAnswers()
    for _ in range(4):
        with pytest.raises(ApiError, match="no answer") as caught:
            carry(old, new, path, http=http, batch=12)
        assert caught.value.status is None
    result = carry(old, new, path, http=http, batch=12)
    assert result.holds
    assert http.lost == 4
    assert new.client.episode_count(project) == 48
    assert everything(new)["projects"][str(project)] == everything(old)["projects"][str(project)]
    assert new.project(project)["consistent"]


def test_a_batch_that_was_half_stored_is_stored_whole(pair: tuple[Side, Side], path: Path) -> None:
    """Neo4j of the new side goes away: 0.4.0 answers 500 and keeps the batch in PostgreSQL."""
    old, new = pair
    project = ProjectId("acme", "half")
    old.client.create_project(Project(project, "", {}, {}))
    old.client.add(project, episodes(project, 40))
    assert new.stack.neo4j is not None
    new.client.projects()
    new.stack.neo4j.stop(timeout=60)
    try:
        with pytest.raises(ApiError, match="HTTP 500"):
            carry(old, new, path)
    finally:
        new.stack.neo4j.start()
        wait_for(new.graph_answers, "Neo4j", 300)
    result = carry(old, new, path)
    assert result.holds
    line = new.project(project)
    assert (line["stored"], line["searchable"], line["consistent"]) == (40, 40, True)


def test_a_project_that_is_deleted_meanwhile_is_deleted(pair: tuple[Side, Side], path: Path) -> None:
    old, new = pair
    old.client.delete_project(ProjectId("acme", "half"))
    wait_for(lambda: len(old.client.projects()) == 4, "deletion", 240)
    assert carry(old, new, path).holds
    assert ProjectId("acme", "half") not in new.client.projects()


def test_not_back_to_an_older_release(pair: tuple[Side, Side], tmp_path: Path) -> None:
    old, new = pair
    with pytest.raises(Refused, match=r"back to 0\.3\.9"):
        carry(new, old, tmp_path / "state.json")


def test_into_another_size_of_vectors(pair: tuple[Side, Side], tmp_path: Path) -> None:
    """The last: the old side's servers take the new one, whose memories are carried on to vectors of 512 numbers."""
    old, new = pair
    old.stop()
    with started(old.stack, "0.4.0", MODEL_DIMENSIONS="512") as larger:
        result = carry(new, larger, tmp_path / "state.json")
        assert result.comparison.differences == []
        assert result.holds
        assert everything(larger) == everything(new)
