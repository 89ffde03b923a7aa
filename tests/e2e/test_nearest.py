"""Every release's search, once a project has an index of vectors: a memory is found by its own text in a crowd."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from memdeploy.memmachine.records import Episode, Project, ProjectId
from tests.e2e.remembered import MORNING
from tests.e2e.sides import Side, started
from tests.e2e.stack import IMAGE_OF, Stack

pytestmark = pytest.mark.engine

CROWD = ProjectId("acme", "crowd")
ALIKE, SAME = 300, 300
INDEXES = "SHOW VECTOR INDEXES YIELD state, options RETURN state, options.indexConfig['vector.quantization.enabled']"


def crowd() -> Iterator[Episode]:
    """One half says the same, more often than a search of five wants to look at; the other nearly the same."""
    texts = [f"lantern {n} shines in bay {n}" if n % 2 else "yes" for n in range(ALIKE + SAME)]
    for number, text in enumerate(texts):
        moment = MORNING + dt.timedelta(minutes=number)
        yield Episode("", moment, text, "ann", "user", "", "message", {})


@pytest.fixture(scope="module", params=IMAGE_OF)
def side(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Side]:
    with started(stack, request.param) as side:
        side.client.create_project(Project(CROWD, "", {}, {}))
        if request.param != "0.2.6":  # which has no such switch
            side.client.set_flags(CROWD, {"enabled": True, "short_term_memory_enabled": False})
        memories = list(crowd())
        for start in range(0, len(memories), 100):
            side.client.add(CROWD, memories[start : start + 100])
        side.cypher("CALL db.awaitIndexes(120)")
        yield side


def test_its_index_keeps_whole_vectors(side: Side) -> None:
    assert side.cypher(INDEXES) == [["ONLINE", False]]


def test_each_of_a_crowd_is_found_by_its_own_text(side: Side) -> None:
    seldom = 72 if side.version == "0.2.6" else 24  # which asks Neo4j fifty times for one search
    asked = [f"lantern {n} shines in bay {n}" for n in range(1, ALIKE + SAME, seldom)]
    lost = [text for text in asked if text not in {one.content for one in side.client.search(CROWD, text, top=5)}]
    assert lost == []
