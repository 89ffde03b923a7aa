"""A 0.3.9 database that somebody started 0.4.0 on, by hand and for real: recognised, brought back, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from memdeploy.memmachine.api import ApiError
from memdeploy.memmachine.records import Project, ProjectId
from tests.e2e.newer import BY_HAND, REVISION
from tests.e2e.remembered import episodes
from tests.e2e.sides import Side, started
from tests.e2e.stack import IMAGE_OF, Stack, url, wait_for

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

PROJECT = ProjectId("rescued", "one")


@pytest.fixture
def side(stack: Stack) -> Iterator[Side]:
    with started(stack, "0.3.9") as side:
        side.client.create_project(Project(PROJECT, "", {}, {}))
        side.client.add(PROJECT, episodes(PROJECT, 9))
        yield side


def start_the_newer(side: Side, *, add: bool = False) -> None:
    """As upstream's image would: nothing of ours looks at the tables first. It is healthy, and every call fails."""
    side.stop()
    side.server = side.stack.python(BY_HAND, side.environment, IMAGE_OF["0.4.0"])
    wait_for(side.healthy, "0.4.0", 300)
    with pytest.raises(ApiError, match="HTTP 500"):
        list(side.client.episodes(PROJECT))
    if add:
        body = {**PROJECT.body, "messages": [{"content": "stored by the newer"}]}
        assert requests.post(f"{url(side.server)}/api/v2/memories", json=body, timeout=90).status_code == 500
    side.stop()


def said(side: Side, word: str = "rescue") -> tuple[int, dict[str, Any]]:
    ended = side.word(word)
    return ended.code, json.loads(ended.stdout)


def test_it_is_recognised_and_brought_back(side: Side) -> None:
    before = [(one.uid, one.content, one.created_at) for one in side.client.episodes(PROJECT)]
    code, healthy = said(side, "rescue --check")
    assert (code, healthy["state"], healthy["rescued"], healthy["memories"]) == (0, "healthy", False, 9)

    start_the_newer(side)
    assert side.sql("select version_num from alembic_version") == REVISION
    code, broken = said(side, "rescue --check")
    assert (code, broken["state"], broken["rescued"]) == (0, "broken", False)
    assert side.sql("select version_num from alembic_version") == REVISION

    code, rescued = said(side)
    assert (code, rescued["state"], rescued["rescued"], rescued["memories"]) == (0, "broken", True, 9)
    side.serve()
    assert [(one.uid, one.content, one.created_at) for one in side.client.episodes(PROJECT)] == before
    for one in side.client.episodes(PROJECT):
        assert one.content in {hit.content for hit in side.client.search(PROJECT, one.content)}
    [uid] = side.client.add(PROJECT, episodes(PROJECT, 1))
    assert uid == "10"
    assert side.answer("count")["consistent"]
    assert said(side) == (0, {**healthy, "memories": 10})


def test_it_is_refused_where_the_newer_one_stored_something(side: Side) -> None:
    start_the_newer(side, add=True)
    code, checked = said(side, "rescue --check")
    assert (code, checked["state"]) == (0, "used")
    assert checked["stored_by_new"]["graph"] == 1
    assert checked["stored_by_new"]["history"] >= 1
    code, refused = said(side)
    assert (code, refused["culprit"]) == (57, "rescue-refused")
    assert "0.4.0 has stored something in it" in refused["detail"]
    assert side.sql("select version_num from alembic_version") == REVISION


def test_a_database_of_the_newer_one_is_left_alone(stack: Stack) -> None:
    with started(stack, "0.4.0") as side:
        code, refused = said(side)
        assert (code, refused["culprit"]) == (57, "rescue-refused")
        assert "a database of 0.4.0 itself" in refused["detail"]
        assert side.healthy()
