"""Looking at MemMachine from outside: is it up, what does it remember, how does it end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any

import requests
from docker.models.containers import Container

from tests.e2e.stack import Stack, put, url, wait_for

ORGANISATION = "e2e"


def healthy(container: Container) -> bool:
    """Fails at once when it has ended."""
    assert not ended(container), container.logs().decode()[-3000:]
    return answers(container)


def ended(container: Container) -> bool:
    container.reload()
    return bool(container.status == "exited")


def answers(container: Container) -> bool:
    try:
        return requests.get(f"{url(container)}/api/v2/health", timeout=2).ok
    except (requests.RequestException, LookupError, TypeError):  # without a port once it has ended
        return False


def up(containers: Sequence[Container], seconds: float = 240) -> None:
    for container in containers:
        wait_for(lambda c=container: healthy(c), "MemMachine", seconds)


@dataclass(frozen=True)
class Memories:
    """One project on one server; every answer as it comes."""

    server: str
    project: str

    def post(self, path: str, **body: Any) -> requests.Response:
        names = {"org_id": ORGANISATION, "project_id": self.project}
        return requests.post(f"{self.server}/api/v2/{path}", json={**names, **body}, timeout=90)

    def add(self, *texts: str) -> requests.Response:
        messages = [{"content": text, "producer": "tester", "role": "user"} for text in texts]
        return self.post("memories", types=["episodic"], messages=messages)

    def search(self, text: str) -> requests.Response:
        return self.post("memories/search", query=text, top_k=5, types=["episodic"])

    def list(self) -> requests.Response:
        return self.post("memories/list", type="episodic", page_size=100, page_num=0)

    def stored(self, *texts: str) -> list[str]:
        """Adds them; their uids."""
        answer = self.add(*texts)
        assert answer.status_code == 200, answer.text
        return [result["uid"] for result in answer.json()["results"]]

    def found(self, text: str) -> bool:
        """Whether a search for its own words finds it, wherever."""
        answer = self.search(text)
        assert answer.status_code == 200, answer.text
        episodic = answer.json()["content"]["episodic_memory"]
        parts = [episodic.get(name) or {} for name in ("long_term_memory", "short_term_memory")]
        return text in [episode["content"] for part in parts for episode in part.get("episodes") or []]

    def listed(self) -> set[str]:
        answer = self.list()
        assert answer.status_code == 200, answer.text
        return {episode["content"] for episode in answer.json()["content"]["episodic_memory"]}


def memories(container: Container, project: str) -> Memories:
    return Memories(url(container), project)


@dataclass
class Stopped:
    """`status` of the request that was under way, the container's exit code, and its seconds after the answer."""

    status: int
    code: int
    seconds: float


def stopped_while_answering(stack: Stack, container: Container, seconds: float) -> Stopped:
    """SIGTERM while an add waits for the model, which holds its answers back for so long."""
    assert stack.model is not None
    answers: list[tuple[int, float]] = []

    def ask() -> None:
        status = memories(container, "slow").add("A slow barge.").status_code
        answers.append((status, time.monotonic()))

    asking = Thread(target=ask)
    put(stack.model, "/", {"delay": (str(seconds).encode(), 0o644, 0)})
    before = stack.model.logs().count(b"holding")
    try:
        asking.start()
        model = stack.model
        wait_for(lambda: model.logs().count(b"holding") > before, "the model's request", 20)
        container.stop(timeout=60)
        ended_at = time.monotonic()
        asking.join()
    finally:
        stack.model.exec_run(["rm", "/delay"])
    container.reload()
    status, answered_at = answers[0]
    return Stopped(status, int(container.attrs["State"]["ExitCode"]), ended_at - answered_at)
