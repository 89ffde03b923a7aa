"""The client's own decisions: paging, what counts as an answer, what an error says. What MemMachine answers is tested
with real ones in tests/e2e."""

from __future__ import annotations

import random
from typing import Any

import pytest

from memdeploy.memmachine.api import ApiError, Client
from memdeploy.memmachine.records import Episode, Project, ProjectId, instant

PROJECT = ProjectId("o", "p")


class Answer:
    def __init__(self, status: int, body: Any = None) -> None:
        self.status_code, self._body = status, body
        self.headers: dict[str, str] = {}
        self.text = "Internal Server Error, and perhaps a secret"

    def json(self) -> Any:
        if self._body is None:
            raise ValueError
        return self._body


class Server:
    """Answers in order; notes what it was asked."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, Any]] = []

    def request(self, method: str, url: str, *, json: Any = None, timeout: float) -> Answer:
        self.asked.append((url.removeprefix("http://mm/api/v2/"), json))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def episode(uid: str) -> Episode:
    return Episode(uid, instant("2026-01-01T00:00:00Z"), "text", "ann", "user", "", "message", {})


class Listing:
    """Lists memories as 0.3.9 does: by their instant, and those of one instant in another order each time."""

    def __init__(self, *seconds: int) -> None:
        self.memories = [{"uid": str(n), "content": "m", "created_at": at(second)} for n, second in enumerate(seconds)]
        self.asked = 0

    def request(self, method: str, url: str, *, json: Any = None, timeout: float) -> Answer:
        self.asked += 1
        assert json["page_num"] == 0
        since = json["filter"].removeprefix("created_at >= date('").removesuffix("')")
        fitting = [one for one in self.memories if not since or instant(one["created_at"]) >= instant(since)]
        random.Random(self.asked).shuffle(fitting)
        fitting.sort(key=lambda one: instant(one["created_at"]))
        return Answer(200, {"content": {"episodic_memory": fitting[: json["page_size"]]}})


def at(second: int) -> str:
    return f"2026-01-01T00:00:0{second}.000001Z" if second % 2 else f"2026-01-01T00:00:0{second}Z"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
@pytest.mark.parametrize("seconds", [(), (0,), (0, 1, 2, 3), (0, 0, 0, 0, 0), (0, 1, 1, 1, 2, 2, 3), (1, 1, 0, 0, 2)])
def test_every_memory_is_listed_once_and_in_order(seconds: tuple[int, ...], size: int) -> None:
    listed = list(Client(Listing(*seconds), "http://mm/").episodes(PROJECT, page=size))
    places = [(one.created_at, int(one.uid)) for one in listed]
    assert places == sorted((instant(at(second)), n) for n, second in enumerate(seconds))


def test_memories_go_into_episodic_memory_only() -> None:
    server = Server(Answer(200, {"results": [{"uid": 7}, {"uid": "8"}]}))
    assert Client(server, "http://mm").add(PROJECT, [episode(""), episode("")]) == ["7", "8"]
    [(path, body)] = server.asked
    assert (path, body["types"], len(body["messages"])) == ("memories", ["episodic"], 2)


def test_an_answer_with_too_few_uids_is_an_error() -> None:
    with pytest.raises(ApiError, match="1 uids for 2 memories"):
        Client(Server(Answer(200, {"results": [{"uid": 7}]})), "http://mm").add(PROJECT, [episode(""), episode("")])


@pytest.mark.parametrize(
    ("answer", "status", "retryable"),
    [
        (Answer(500), 500, True),
        (Answer(422), 422, False),
        (ConnectionResetError("secret"), None, True),
        (Answer(200), 200, False),
    ],
)
def test_an_error_names_the_call_and_nothing_of_what_was_sent(answer: Any, status: int | None, retryable: bool) -> None:
    with pytest.raises(ApiError) as caught:
        Client(Server(answer), "http://mm").projects()
    assert (caught.value.status, caught.value.retryable, caught.value.where) == (status, retryable, "projects/list")
    assert "secret" not in str(caught.value)


def test_what_is_not_there_is_none_or_silent() -> None:
    client = Client(Server(Answer(404), Answer(404)), "http://mm")
    assert client.project(PROJECT) is None
    client.delete_project(PROJECT)


def test_a_project_with_its_switches() -> None:
    found = {"org_id": "o", "project_id": "p", "description": "d", "config": {"embedder": "e"}}
    flags = {"enabled": True, "long_term_memory_enabled": None, "short_term_memory_enabled": False}
    project = Client(Server(Answer(200, found), Answer(200, flags)), "http://mm").project(PROJECT)
    assert project == Project(PROJECT, "d", {"embedder": "e"}, {"enabled": True, "short_term_memory_enabled": False})
