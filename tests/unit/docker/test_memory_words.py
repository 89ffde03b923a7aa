"""Where the words go, how they end, and which uids a repair touches; what they do to databases is in tests/e2e."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import repair
import rescue
import words
from failures import Failure
from halves import Look, Project, Searchable

from tests.unit.docker.test_configure import COMPLETE


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [*COMPLETE, "MEMORY_CONFIG"]:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_servers_are_taken_from_the_environment(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in COMPLETE.items():
        environment.setenv(name, value)
    environment.setenv("MEMORY_CONFIG", str(tmp_path / "other.yml"))
    place = words.place(tmp_path)
    assert isinstance(place, words.Servers)
    assert place.prepared.configuration == tmp_path / "memmachine.yml"
    assert "1000000000" in place.prepared.configuration.read_text()  # no ingestion


def test_somebody_elses_configuration_is_taken_as_it_stands(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "memmachine.yml"
    path.write_text("{}")
    environment.setenv("MEMORY_CONFIG", str(path))
    assert words.place(tmp_path) == words.Files(path)


def test_without_either_what_is_missing_is_named(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("MEMORY_CONFIG", str(tmp_path / "none.yml"))
    with pytest.raises(Failure, match="POSTGRES_HOST is missing"):
        words.place(tmp_path)


def test_only_one_repair_of_files_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "memmachine.yml"
    path.write_text("{}")

    async def both(*, alone: bool) -> None:
        async with words.Files(path).reached(alone=True), words.Files(path).reached(alone=alone):
            pass

    with pytest.raises(Failure, match="repair-busy"):
        asyncio.run(both(alone=True))
    asyncio.run(both(alone=False))  # counting meanwhile is fine


async def answering(_: words.Place) -> dict[str, Any]:
    print("a library talks")
    return {"found": 1}


async def failing(_: words.Place) -> dict[str, Any]:
    raise Failure("repair-busy")


async def endless(_: words.Place) -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


async def broken(_: words.Place) -> dict[str, Any]:
    raise KeyError("a secret")


@pytest.mark.parametrize(
    ("word", "code", "line"),
    [
        (answering, 0, {"ok": True, "found": 1}),
        (failing, 56, {"ok": False, "culprit": "repair-busy"}),
        (endless, 58, {"ok": False, "culprit": "word-deadline"}),
        (broken, 70, {"ok": False, "culprit": "defect"}),
    ],
)
def test_a_word_ends_with_one_line_and_a_code_of_the_table(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], word: Any, code: int,
    line: dict[str, Any],
) -> None:  # fmt: skip
    environment.setattr(words, "place", lambda _: words.Files(tmp_path))
    with contextlib.ExitStack() as stack:
        left = stack.enter_context(pytest.raises(SystemExit)) if code else None
        words.run(word, seconds=0.2)
    out, err = capsys.readouterr()
    assert left is None or left.value.code == code
    assert json.loads(out).items() >= line.items()
    assert out.count("\n") == 1
    assert "a secret" not in out + err


def test_files_have_nothing_to_rescue(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no PostgreSQL"):
        asyncio.run(rescue.rescue(words.Files(tmp_path)))


class Rows:
    """PostgreSQL as `rescue.look` asks it."""

    def __init__(self, columns: set[str], revision: str | None, *, unknown: int = 0) -> None:
        self.columns, self.revision, self.unknown = columns, revision, unknown

    async def fetch(self, query: str, table: str) -> list[dict[str, str]]:
        there = {"episodestore": self.columns, "alembic_version": {"version_num"} if self.revision else set()}
        return [{"column_name": name} for name in there.get(table, {"history_id"})]

    async def fetchval(self, query: str) -> Any:
        if "alembic_version" in query:
            return self.revision
        return self.unknown if "history_id" in query else 7


OLD, NEW = {"id", "content"}, {"uid", "content"}


@pytest.mark.parametrize(
    ("rows", "in_graph", "state"),
    [
        (Rows(OLD, "e8d4a37b69f2"), 0, "broken"),
        (Rows(OLD, "e8d4a37b69f2", unknown=1), 0, "used"),
        (Rows(OLD, "e8d4a37b69f2"), 1, "used"),
        (Rows(OLD, "c7a2f8e31b90"), 0, "healthy"),
        (Rows(OLD, "62dff1150a46"), 0, "other"),
        (Rows(NEW, "e8d4a37b69f2"), 0, "new"),
        (Rows(set(), None), 0, "empty"),
        (Rows(OLD, None), 0, "empty"),
    ],
)
def test_what_a_database_is(monkeypatch: pytest.MonkeyPatch, rows: Rows, in_graph: int, state: str) -> None:
    async def counted(_: object) -> int:
        return in_graph

    monkeypatch.setattr(rescue, "in_graph", counted)
    found = asyncio.run(rescue.look(rows, None))
    assert found["state"] == state
    assert state == "broken" or rescue.REFUSED[state]


class Memory:
    """Notes what is done to search's store, in order."""

    def __init__(self) -> None:
        self.did: list[tuple[str, list[str]]] = []
        self.long_term_memory = self
        self.short_term_memory: object = "its own"

    async def delete_episodes(self, uids: list[str]) -> None:
        self.did.append(("delete", uids))

    async def add_memory_episodes(self, episodes: list[Any]) -> None:
        assert self.short_term_memory is None
        self.did.append(("add", [episode.uid for episode in episodes]))


class Episode:
    def __init__(self, uid: str) -> None:
        self.uid = uid


class Resources:
    """Of one project whose memories 1 to 120 are half-stored, the 13th deleted meanwhile."""

    def __init__(self) -> None:
        self.memory = Memory()

    async def get_episode_storage(self) -> Resources:
        return self

    async def get_episodic_memory_manager(self) -> Resources:
        return self

    async def get_episode(self, uid: str) -> Episode | None:
        return None if uid == "13" else Episode(uid)

    @contextlib.asynccontextmanager
    async def open_episodic_memory(self, key: str) -> AsyncIterator[Memory]:
        assert key == "o/p"
        yield self.memory


def test_a_repair_goes_in_batches_and_removes_what_is_there_first(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = frozenset(str(n) for n in range(1, 121))
    looks = [
        Look({"o/p": Project("o/p", stored, Searchable())}),
        Look({"o/p": Project("o/p", stored, Searchable(whole=stored))}),
    ]

    async def look(_: object) -> Look:
        return looks.pop(0)

    async def settings(*_: object) -> object:
        return object()

    monkeypatch.setattr(repair.looking, "look", look)
    monkeypatch.setattr(repair.looking, "settings_of", settings)
    resources = Resources()
    result = asyncio.run(repair.all_projects(resources, stopped=True))
    assert (result["repaired"], result["consistent"]) == (119, True)
    assert [(what, len(uids)) for what, uids in resources.memory.did] == [
        ("delete", 49), ("add", 49), ("delete", 50), ("add", 50), ("delete", 20), ("add", 20),
    ]  # fmt: skip
    added = [uid for what, uids in resources.memory.did if what == "add" for uid in uids]
    assert added == [str(n) for n in range(1, 121) if n != 13]
