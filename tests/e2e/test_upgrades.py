"""What becomes of stored memories from one release to another, with real servers: the evidence for `upgrades.py`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from docker.models.containers import Container

from memdeploy.memmachine import exits
from memdeploy.memmachine.releases import RELEASES
from memdeploy.memmachine.upgrades import Way, table, upgrade
from tests.e2e.servers import memories, up
from tests.e2e.stack import IMAGE_OF, NEO4J_PASSWORD, Ended, Stack

pytestmark = pytest.mark.engine

TEXTS = tuple(f"Crane {number} of the harbour lifts {number * 7} tons of {what}." for number, what in enumerate(
    ("grain", "timber", "coal", "salt", "cotton", "copper", "paper", "wool"), 1
))  # fmt: skip
_numbers = count(1)


class Base:
    """Both databases as some release left them. The graph is the stack's own, kept apart by the project's name."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.name = f"upgrade_{next(_numbers)}"
        stack.database(self.name, "pass")

    @property
    def environment(self) -> dict[str, str]:
        return self.stack.environment(self.name, "pass", NEO4J_PASSWORD)

    def prepare(self, release: str) -> Ended:
        return self.stack.run("prepare", self.environment, IMAGE_OF[release])

    @contextmanager
    def serving(self, release: str) -> Iterator[Container]:
        with _for_a_while(self.stack.memmachine("serve", self.environment, IMAGE_OF[release])) as container:
            up([container])
            yield container

    def stored_with(self, release: str) -> list[str]:
        """Prepares, stores the texts; their uids."""
        ended = self.prepare(release)
        assert ended.code == 0, ended.stderr[-3000:]
        with self.serving(release) as container:
            uids = memories(container, self.name).stored(*TEXTS)
            self.all_there(container)
        return uids

    def all_there(self, container: Container, *more: str) -> None:
        known = memories(container, self.name)
        assert known.listed() == {*TEXTS, *more}
        assert [text for text in (*TEXTS, *more) if not known.found(text)] == []

    def state(self) -> list[str]:
        """What a refusal must leave alone: the schema and every memory."""
        return [
            self.stack.query(self.name, query)
            for query in (
                "select version_num from alembic_version",
                "select string_agg(table_name || '.' || column_name || ' ' || data_type, ',' "
                "order by table_name, column_name) from information_schema.columns where table_schema = 'public'",
                "select string_agg(content, ',' order by content) from episodestore",
            )
        ]


@contextmanager
def _for_a_while(container: Container) -> Iterator[Container]:
    try:
        yield container
    finally:
        container.stop(timeout=60)
        container.remove(force=True, v=True)


def culprit(ended: Ended) -> str:
    found = exits.culprit(ended.code)
    return found.culprit if found else str(ended.code)


def test_from_0_2_6_to_0_3_9_in_place_every_memory_is_listed_and_found(stack: Stack) -> None:
    base = Base(stack)
    base.stored_with("0.2.6")
    assert base.prepare("0.3.9").code == 0
    assert base.state()[0] == RELEASES["0.3.9"].schema_head
    with base.serving("0.3.9") as container:
        base.all_there(container)
        new = "A ninth crane stands idle."
        memories(container, base.name).stored(new)
        base.all_there(container, new)


REFUSED = [(row.before, row.after) for row in table() if row.tested and row.way is not Way.IN_PLACE]
CULPRIT: dict[tuple[str, str], str] = {("0.3.9", "0.2.6"): "tables"}
"""Of all others: other-release. 0.2.6 has the same table of episodes and does not know 0.3.9's migrations."""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("before", ["0.2.6", "0.3.9", "0.4.0"])
def test_what_is_refused_leaves_the_running_service_and_its_memories_as_they_are(stack: Stack, before: str) -> None:
    base = Base(stack)
    base.stored_with(before)
    with base.serving(before) as container:
        state = base.state()
        for after in [after for start, after in REFUSED if start == before]:
            ended = base.prepare(after)
            assert culprit(ended) == CULPRIT.get((before, after), "other-release"), ended.stderr[-2000:]
            assert json.loads(ended.stdout)["ok"] is False
            assert base.state() == state
            base.all_there(container)


FORCED = """
import configure, os, pathlib
prepared = configure.write(configure.read(os.environ), pathlib.Path("/tmp"))
os.execvpe("memmachine-server", ["memmachine-server"], {**os.environ, **prepared.environment})
"""
"""Upstream's own command with our configuration: it asks nobody."""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("before", ["0.3.9", "0.2.6"])
def test_0_4_0_in_place_is_healthy_and_fails_at_every_call(stack: Stack, before: str) -> None:
    """Why it is refused. Afterwards the older release does not start any more either."""
    assert upgrade(before, "0.4.0").way is not Way.IN_PLACE
    base = Base(stack)
    base.stored_with(before)
    with _for_a_while(stack.python(FORCED, base.environment, IMAGE_OF["0.4.0"])) as container:
        up([container])
        broken = memories(container, base.name)
        calls: dict[str, Callable[[], Any]] = {
            "list": broken.list, "add": lambda: broken.add("A tenth crane."), "search": lambda: broken.search(TEXTS[0]),
        }  # fmt: skip
        assert {name: call().status_code for name, call in calls.items()} == {"list": 500, "add": 500, "search": 422}
    assert culprit(base.prepare(before)) == "tables"
