"""The smoke test against a small MemMachine in memory that fails where it is told to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from memdeploy.errors import Unhealthy
from memdeploy.memmachine import smoke


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        self.time += 0.25
        return self.time

    def boottime(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def patience(self, seconds: float) -> float:
        return seconds


class Answer:
    def __init__(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        self.status_code = status
        self.text = json.dumps(body)
        self.headers: Mapping[str, str] = headers or {}

    def json(self) -> Any:
        return json.loads(self.text)


class MemMachine:
    """`fail`: path -> what happens instead. `keeps`: which of the two memories holds what is stored."""

    def __init__(self, *, keeps: str | None = "long_term_memory", headers: Mapping[str, str] | None = None) -> None:
        self.keeps = keeps
        self.headers = headers or {}
        self.fail: dict[str, list[Answer | Exception]] = {}
        self.projects: dict[str, list[str]] = {}
        self.seen: list[str] = []

    def request(self, method: str, url: str, *, json: Any = None, timeout: float) -> Answer:
        path = url.removeprefix("http://mm/api/v2/")
        self.seen.append(path)
        planned = self.fail.get(path)
        if planned:
            planned_answer = planned.pop(0)
            if isinstance(planned_answer, Exception):
                raise planned_answer
            return planned_answer
        return self._answer(path, json)

    def _answer(self, path: str, body: Any) -> Answer:
        if path == "health":
            return Answer(200, {"status": "healthy", "version": "0.4.0"}, self.headers)
        project = body["project_id"]
        if path == "memories":
            self.projects.setdefault(project, []).extend(m["content"] for m in body["messages"])
            return Answer(200, {"results": [{"uid": "1"}]})
        if path == "memories/search":
            episodes = [{"content": text} for text in self.projects.get(project, [])]
            memories = {name: {"episodes": []} for name in ("long_term_memory", "short_term_memory")}
            if self.keeps:
                memories[self.keeps] = {"episodes": episodes}  # type: ignore[dict-item]
            return Answer(200, {"content": {"episodic_memory": memories}})
        self.projects.pop(project, None)
        return Answer(204)


def prove(server: MemMachine, **more: Any) -> smoke.Proof:
    return smoke.prove(server, "http://mm/", clock=Clock(), token=lambda: "abc", **more)


@pytest.mark.parametrize("memory", ["long_term_memory", "short_term_memory"])
def test_a_memory_is_found_in_either_place(memory: str) -> None:
    server = MemMachine(keeps=memory)
    proof = prove(server)
    assert proof.found == (memory,)
    assert proof.version == "0.4.0"
    assert not proof.simulated
    assert set(proof.seconds) == {"health", "store", "find", "remove"}
    assert server.projects == {}


def test_a_stand_in_is_recognised() -> None:
    assert prove(MemMachine(headers={"x-memdeploy-simulated": "1"})).simulated


def test_a_service_that_is_refused_at_first_is_waited_for() -> None:
    server = MemMachine()
    server.fail["health"] = [Answer(403), ConnectionError("cold"), Answer(503)]
    assert prove(server).found


def test_patience_ends() -> None:
    server = MemMachine()
    server.fail["health"] = [Answer(403)] * 100
    with pytest.raises(Unhealthy, match="HTTP 403") as caught:
        prove(server, patience=10.0)
    assert caught.value.code == "health"


@pytest.mark.parametrize(("path", "code"), [("memories", "store"), ("memories/search", "find")])
def test_what_fails_is_named_and_the_project_removed_all_the_same(path: str, code: str) -> None:
    server = MemMachine()
    server.fail[path] = [Answer(500, "Internal Server Error")]
    with pytest.raises(Unhealthy, match="HTTP 500") as caught:
        prove(server)
    assert caught.value.code == code
    assert caught.value.exit_code == 7
    assert server.seen[-1] == "projects/delete"
    assert server.projects == {}


def test_stored_but_not_found_is_no_success() -> None:
    server = MemMachine(keeps=None)
    with pytest.raises(Unhealthy, match="not found again"):
        prove(server)
    assert server.projects == {}


def test_an_answer_that_never_comes_is_named() -> None:
    server = MemMachine()
    server.fail["memories"] = [TimeoutError()]
    with pytest.raises(Unhealthy, match=r"could not be stored: no answer \(TimeoutError\)"):
        prove(server)


def test_what_stays_behind_is_an_error() -> None:
    server = MemMachine()
    server.fail["projects/delete"] = [Answer(500)]
    with pytest.raises(Unhealthy) as caught:
        prove(server)
    assert caught.value.code == "remove"


def test_each_run_has_a_project_of_its_own() -> None:
    projects = []

    class Watching(MemMachine):
        def _answer(self, path: str, body: Any) -> Answer:
            if path == "memories":
                projects.append(body["project_id"])
            return super()._answer(path, body)

    for _ in range(2):
        smoke.prove(Watching(), "http://mm", clock=Clock())
    assert len(set(projects)) == 2
