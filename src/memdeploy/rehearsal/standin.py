"""What answers in MemMachine's place when no engine runs it: health, and memories that are stored and found by words.

The shapes are those of MemMachine 0.4.0's `/api/v2`. Every answer carries `X-Memdeploy-Simulated: true`, so that nobody
takes what was found here for a working memory. Memories lie in the rehearsal's own state, one book a service.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from memdeploy.rehearsal import images
from memdeploy.rehearsal.call import Cloud, stamp
from memdeploy.rehearsal.http import Answer, Request, json_answer

MARK = {"X-Memdeploy-Simulated": "true"}
Json = dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """One request to one service's stand-in. Inside a transaction."""

    cloud: Cloud
    service: str
    body: Json

    @property
    def project(self) -> str:
        """`org/project`; MemMachine's default is `universal/universal`."""
        return f"{self.body.get('org_id') or 'universal'}/{self.body.get('project_id') or 'universal'}"

    def book(self) -> dict[str, list[Json]]:
        """Project -> episodes, oldest first."""
        kept: dict[str, list[Json]] = self.cloud.store.fact(f"standin/{self.service}", {})
        return kept

    def keep(self, book: Mapping[str, list[Json]]) -> None:
        self.cloud.store.put_fact(f"standin/{self.service}", dict(book))


def answer(cloud: Cloud, service: str, image: str, request: Request) -> Answer:
    """`service` is the full name, `image` what its revision runs, `request.path` without the front end's prefix."""
    if (request.verb, request.path) == ("GET", "/api/v2/health"):
        return _marked(
            json_answer(200, {"status": "healthy", "service": "memmachine", "version": version(cloud, image)})
        )
    handler = _POST.get(request.path) if request.verb == "POST" else None
    if handler is None:
        return _marked(json_answer(404, {"detail": "Not Found"}))
    try:
        body = request.json() or {}
    except ValueError:
        return _marked(
            json_answer(422, {"detail": [{"type": "json_invalid", "loc": ["body"], "msg": "JSON decode error"}]})
        )
    return _marked(handler(Desk(cloud, service, body)))


def version(cloud: Cloud, image: str) -> str:
    """The release that the image's tags name, else `simulated`: nothing runs here that could tell."""
    parsed = images.parse(cloud, image)
    rows = cloud.store.below(images.SERVICE, f"{parsed.package_name}/tags") if parsed else []
    tags = [row.name.rsplit("/", 1)[-1] for row in rows if parsed and row.body["version"].endswith(str(parsed.digest))]
    found = (re.search(r"\d+\.\d+\.\d+", tag) for tag in [*tags, parsed.tag or "" if parsed else ""])
    return next((match[0] for match in found if match), "simulated")


def _add(desk: Desk) -> Answer:
    messages = desk.body.get("messages")
    if not messages or not all(isinstance(one, dict) and one.get("content") for one in messages):
        missing = {"type": "missing", "loc": ["body", "messages"], "msg": "Field required"}
        return json_answer(422, {"detail": [missing]})
    made = [_episode(desk, message) for message in messages]
    book = desk.book()
    desk.keep({**book, desk.project: [*book.get(desk.project, []), *made]})
    return json_answer(200, {"results": [{"uid": episode["uid"]} for episode in made]})


def _search(desk: Desk) -> Answer:
    if not desk.body.get("query"):
        return json_answer(422, {"detail": [{"type": "missing", "loc": ["body", "query"], "msg": "Field required"}]})
    wanted = _words(desk.body["query"])
    scored = [{**one, "score": _score(wanted, one["content"])} for one in desk.book().get(desk.project, [])]
    found = sorted((one for one in scored if one["score"] > 0), key=lambda one: -float(one["score"]))
    top = found[: int(desk.body.get("top_k") or 10)]
    episodic = {"long_term_memory": {"episodes": top}, "short_term_memory": {"episodes": [], "episode_summary": []}}
    return json_answer(200, {"status": 0, "content": {"episodic_memory": episodic, "semantic_memory": []}})


def _list(desk: Desk) -> Answer:
    size, number = int(desk.body.get("page_size") or 100), int(desk.body.get("page_num") or 0)
    episodic = desk.body.get("type", "episodic") == "episodic"
    episodes = desk.book().get(desk.project, []) if episodic else []
    shown = episodes[size * number : size * (number + 1)]
    key = "episodic_memory" if episodic else "semantic_memory"
    return json_answer(200, {"status": 0, "content": {key: shown}})


def _make_project(desk: Desk) -> Answer:
    book = desk.book()
    if desk.project in book:
        return json_answer(409, {"detail": "Project already exists"})
    desk.keep({**book, desk.project: []})
    org, _, project = desk.project.partition("/")
    return json_answer(201, {"org_id": org, "project_id": project})


def _delete_project(desk: Desk) -> Answer:
    book = desk.book()
    if desk.project not in book:
        return json_answer(404, {"detail": "Project does not exist"})
    desk.keep({name: episodes for name, episodes in book.items() if name != desk.project})
    return Answer(204)


def _list_projects(desk: Desk) -> Answer:
    pairs = (name.partition("/") for name in desk.book())
    return json_answer(200, [{"org_id": org, "project_id": project} for org, _, project in pairs])


def _count(desk: Desk) -> Answer:
    return json_answer(200, {"count": len(desk.book().get(desk.project, []))})


def _episode(desk: Desk, message: Json) -> Json:
    now = stamp(desk.cloud.now)
    return {
        "uid": str(uuid.uuid4()),
        "content": str(message["content"]),
        "producer_id": message.get("producer") or "user",
        "producer_role": message.get("role") or "user",
        "produced_for_id": message.get("produced_for"),
        "session_key": desk.project,
        "created_at": message.get("timestamp") or now,
        "episode_type": message.get("episode_type") or "message",
        "metadata": message.get("metadata") or {},
    }


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def _score(wanted: frozenset[str], content: str) -> float:
    """The share of the question's words that the memory holds."""
    return len(wanted & _words(content)) / len(wanted) if wanted else 0.0


def _marked(plain: Answer) -> Answer:
    return replace(plain, headers={**plain.headers, **MARK})


_POST: Mapping[str, Callable[[Desk], Answer]] = {
    "/api/v2/memories": _add,
    "/api/v2/memories/search": _search,
    "/api/v2/memories/list": _list,
    "/api/v2/projects": _make_project,
    "/api/v2/projects/delete": _delete_project,
    "/api/v2/projects/list": _list_projects,
    "/api/v2/projects/episode_count/get": _count,
}
