"""A MemMachine in memory, as far as a migration asks it, that fails where it is told to. That real ones answer like
this is shown in tests/e2e; here every order of events can be played."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from typing import Any

from memdeploy.memmachine.records import instant

FLAGS = {"enabled": True, "long_term_memory_enabled": True, "short_term_memory_enabled": True}


class Answer:
    def __init__(self, status: int, body: Any = None) -> None:
        self.status_code, self._body = status, body
        self.headers: dict[str, str] = {}
        self.text = ""

    def json(self) -> Any:
        return self._body


class MemMachine:
    """`on_add`: called with the number of each add before it is done; what it returns happens instead of an answer:
    `lost` (after the effect), `half` (500; listed, never found), `late` (lost, and the effect comes 30 requests later).
    """

    def __init__(self, version: str = "0.4.0") -> None:
        self.version = version
        self.projects: dict[tuple[str, str], dict[str, Any]] = {}
        self.features: dict[str, dict[str, Any]] = {}
        self.kinds: dict[str, list[dict[str, Any]]] = {}
        self.categories: dict[str, dict[str, Any]] = {}
        self.on_add: Callable[[int], str | None] = lambda number: None
        self.on_request: Callable[[str], None] = lambda path: None
        self.adds: list[dict[str, Any]] = []
        self.known_embedders = {"embedder"}
        self._number = 0
        self._later: list[tuple[int, Callable[[], Any]]] = []
        self.requests = 0

    def request(self, method: str, url: str, *, json: Any = None, timeout: float) -> Answer:
        self.requests += 1
        for item in [item for item in self._later if item[0] <= self.requests]:
            self._later.remove(item)
            item[1]()
        path = url.partition("/api/v2/")[2]
        self.on_request(path)
        if path == "health":
            return Answer(200, {"status": "healthy", "version": self.version})
        handler = getattr(self, "_" + path.replace("/", "_"))
        answer: Answer = handler(json)
        return answer

    def settle(self) -> None:
        """What was still on its way arrives."""
        while self._later:
            self._later.pop(0)[1]()

    # -- projects ----------------------------------------------

    def _of(self, body: Any) -> dict[str, Any] | None:
        return self.projects.get((body["org_id"], body["project_id"]))

    def _projects(self, body: Any) -> Answer:
        if self._of(body) is not None:
            return Answer(409)
        config = {"embedder": "embedder", **{k: v for k, v in (body.get("config") or {}).items() if v}}
        if config["embedder"] not in self.known_embedders:
            return Answer(422)
        made = {"description": body["description"], "config": config, "flags": dict(FLAGS), "episodes": []}
        self.projects[body["org_id"], body["project_id"]] = made
        return Answer(201, {})

    def _projects_list(self, body: Any) -> Answer:
        return Answer(200, [{"org_id": org, "project_id": project} for org, project in self.projects])

    def _projects_get(self, body: Any) -> Answer:
        found = self._of(body)
        return Answer(200, found) if found else Answer(404)

    def _projects_delete(self, body: Any) -> Answer:
        return Answer(204) if self.projects.pop((body["org_id"], body["project_id"]), None) else Answer(404)

    def _projects_episode_count_get(self, body: Any) -> Answer:
        return Answer(200, {"count": len((self._of(body) or {"episodes": []})["episodes"])})

    def _memory_episodic_config_get(self, body: Any) -> Answer:
        found = self._of(body)
        return Answer(200, found["flags"]) if found else Answer(404)

    def _memory_episodic_config(self, body: Any) -> Answer:
        found = self._of(body)
        assert found is not None
        found["flags"] |= {name: body[name] for name in FLAGS if name in body}
        return Answer(204)

    # -- episodes ----------------------------------------------

    def _memories(self, body: Any) -> Answer:
        project = self._of(body)
        assert project is not None
        assert body["types"] == ["episodic"]
        fate = self.on_add(len(self.adds))
        self.adds.append({"size": len(body["messages"]), "flags": dict(project["flags"])})
        uids = sorted(self._uid() for _ in body["messages"]) if self.version >= "0.4.0" else [
            self._uid() for _ in body["messages"]
        ]  # fmt: skip

        def store() -> None:
            for uid, message in zip(uids, body["messages"], strict=True):
                project["episodes"].append({
                    "uid": uid, "content": message["content"], "created_at": message["timestamp"],
                    "producer_id": message["producer"], "producer_role": message["role"],
                    "produced_for_id": message["produced_for"], "episode_type": message["episode_type"],
                    "metadata": message["metadata"] or None, "whole": fate != "half",
                })  # fmt: skip

        if fate == "late":
            self._later.append((self.requests + 30, store))
            raise ConnectionResetError
        store()
        if fate == "lost":
            raise ConnectionResetError
        return Answer(500) if fate == "half" else Answer(200, {"results": [{"uid": uid} for uid in uids]})

    def _uid(self) -> str:
        self._number += 1
        return str(uuid.UUID(int=random.getrandbits(128))) if self.version >= "0.4.0" else str(self._number)

    def _memories_list(self, body: Any) -> Answer:
        return self._list_episodes(body) if body["type"] == "episodic" else self._list_features(body)

    def _list_episodes(self, body: Any) -> Answer:
        since = body["filter"].removeprefix("created_at >= date('").removesuffix("')")
        episodes = list((self._of(body) or {"episodes": []})["episodes"])
        random.shuffle(episodes)  # those of one instant come in any order
        fitting = [e for e in episodes if not since or instant(e["created_at"]) >= instant(since)]
        fitting.sort(key=lambda e: instant(e["created_at"]))
        return Answer(200, {"content": {"episodic_memory": fitting[: body["page_size"]]}})

    def _memories_search(self, body: Any) -> Answer:
        assert body["filter"] == f"session_key = '{body['org_id']}/{body['project_id']}'"
        project = self._of(body) or {"episodes": []}
        hits = [e for e in project["episodes"] if e["content"] == body["query"] and e["whole"]]
        return Answer(200, {"content": {"episodic_memory": {"long_term_memory": {"episodes": hits[: body["top_k"]]}}}})

    def _memories_episodic_delete(self, body: Any) -> Answer:
        project = self._of(body)
        assert project is not None
        project["episodes"] = [e for e in project["episodes"] if e["uid"] not in body["episodic_ids"]]
        return Answer(204)

    # -- features: sets are named by what leads to them --------

    def _list_features(self, body: Any) -> Answer:
        leads = {f"org:{body['org_id']}", f"project:{body['org_id']}/{body['project_id']}"}
        leads |= {f"{body['org_id']}:{tag}={value}" for tag, value in body["set_metadata"].items()}
        found = [f for f in self.features.values() if f["set_id"] in leads]
        first = body["page_size"] * body["page_num"]
        listed = [{**f, "metadata": {**f["metadata"], "citations": None}} for f in found]
        return Answer(200, {"content": {"semantic_memory": listed[first : first + body["page_size"]]}})

    def _memories_semantic_feature(self, body: Any) -> Answer:
        mine = {c["name"] for c in self.categories.values() if c["owner"] == body["set_id"]}
        if body["category_name"] not in {"profile", *mine}:
            return Answer(500)
        self._number += 1
        number = str(self._number)
        self.features[number] = {
            "set_id": body["set_id"], "category": body["category_name"], "tag": body["tag"],
            "feature_name": body["feature"], "value": body["value"],
            "metadata": {"id": number, "citations": body["citations"], "other": body["feature_metadata"]},
        }  # fmt: skip
        return Answer(201, {"feature_id": number})

    def _memories_semantic_feature_get(self, body: Any) -> Answer:
        found = self.features.get(body["feature_id"])
        return Answer(200, found) if found else Answer(404)

    def _memories_semantic_delete(self, body: Any) -> Answer:
        for number in body["semantic_ids"]:
            self.features.pop(number, None)
        return Answer(204)

    def _memories_semantic_set_type_list(self, body: Any) -> Answer:
        return Answer(200, {"set_types": self.kinds.get(body["org_id"], [])})

    def _memories_semantic_set_type(self, body: Any) -> Answer:
        kinds = self.kinds.setdefault(body["org_id"], [])
        kinds.append({"id": f"k{len(kinds)}", "is_org_level": body["is_org_level"], "tags": body["metadata_tags"]})
        return Answer(201, {})

    def _memories_semantic_category_template_list(self, body: Any) -> Answer:
        own = [{"id": n, "name": c["name"]} for n, c in self.categories.items() if c["owner"] == body["set_type_id"]]
        return Answer(200, {"categories": own})

    def _memories_semantic_category_template(self, body: Any) -> Answer:
        return self._category(body, body["set_type_id"])

    def _memories_semantic_category(self, body: Any) -> Answer:
        return self._category(body, body["set_id"])

    def _category(self, body: Any, owner: str) -> Answer:
        number = str(len(self.categories) + 3)  # two were deleted
        self.categories[number] = {
            "id": number,
            "name": body["category_name"],
            "prompt": body["prompt"],
            "owner": owner,
        }
        return Answer(201, {"category_id": number})

    def _memories_semantic_category_get(self, body: Any) -> Answer:
        found = self.categories.get(body["category_id"])
        return Answer(200, found) if found else Answer(404)

    def _memories_semantic_category_set_ids_get(self, body: Any) -> Answer:
        return Answer(200, {"set_ids": [self.categories[body["category_id"]]["owner"]]})
