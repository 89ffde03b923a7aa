"""The client's own decisions: paging, what counts as an answer, what an error says. What MemMachine answers is tested
with real ones in tests/e2e."""

from __future__ import annotations

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


def page(*uids: str) -> Answer:
    items = [{"uid": uid, "content": f"m{uid}", "created_at": "2026-01-01T00:00:00Z"} for uid in uids]
    return Answer(200, {"status": 0, "content": {"episodic_memory": items}})


def episode(uid: str) -> Episode:
    return Episode(uid, instant("2026-01-01T00:00:00Z"), "text", "ann", "user", "", "message", {})


def test_pages_are_read_until_one_is_not_full() -> None:
    server = Server(page("1", "2"), page("3"))
    assert [one.uid for one in Client(server, "http://mm/").episodes(PROJECT, page=2)] == ["1", "2", "3"]
    assert [body["page_num"] for _, body in server.asked] == [0, 1]


def test_a_last_page_that_is_full_is_followed_by_an_empty_one() -> None:
    server = Server(page("1"), Answer(200, {"content": {}}))
    assert len(list(Client(server, "http://mm").episodes(PROJECT, page=1))) == 1


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
