"""A client of MemMachine's API v2, as memmachine-server 0.2.6 to 0.4.0 speaks it (server/api_v2/router.py).

Two floors: `Api` sends and says who answered; `Client` knows the calls, takes and gives records, and raises `ApiError`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from memdeploy.errors import MemdeployError
from memdeploy.memmachine.records import Episode, Feature, Project, ProjectId

SIMULATED = "X-Memdeploy-Simulated"
"Header of a rehearsal's stand-in for MemMachine."
TIMEOUT = 90.0  # with Neo4j down MemMachine itself gives up after 31 to 59 s
PAGE = 500


class Response(Protocol):
    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def text(self) -> str: ...
    def json(self) -> Any: ...


class Http(Protocol):
    """`requests.Session` is one; whoever makes it adds the identity token."""

    def request(self, method: str, url: str, *, json: Any = None, timeout: float) -> Response: ...


class NoAnswer(Exception):
    """The request failed on its way."""


class ApiError(MemdeployError):
    """MemMachine did not do what it was asked. `status` is None when no answer came: the effect is unknown then.

    Its own words never come along beyond the error's bare text: MemMachine answers `Internal Server Error`.
    """

    code = "memmachine-api"

    def __init__(self, path: str, said: str, *, status: int | None = None) -> None:
        super().__init__(
            f"MemMachine's {path}: {said}",
            where=path,
            suggestion="The service's log names the cause: Neo4j, PostgreSQL or the model's key.",
            retryable=status is None or status >= 500,
        )
        self.status = status


class Api:
    """Requests as they are. `simulated`: a rehearsal's stand-in has answered."""

    def __init__(self, http: Http, base_url: str) -> None:
        self._http = http
        self._base = f"{base_url.rstrip('/')}/api/v2"
        self.simulated = False

    def get(self, path: str, timeout: float = 15.0) -> Response:
        return self._send("GET", path, None, timeout)

    def post(self, path: str, body: Mapping[str, Any], timeout: float = TIMEOUT) -> Response:
        return self._send("POST", path, dict(body), timeout)

    def _send(self, method: str, path: str, body: Any, timeout: float) -> Response:
        # Every kind of HTTP client has its own family of errors; OSError is in all of them or wrapped here.
        try:
            response = self._http.request(method, f"{self._base}/{path}", json=body, timeout=timeout)
        except Exception as error:
            raise NoAnswer(f"{type(error).__name__}") from error
        self.simulated = self.simulated or SIMULATED.lower() in {name.lower() for name in response.headers}
        return response


class Client:
    """`timeout` is for adding memories, which waits for the embedding model and both databases."""

    def __init__(self, http: Http, base_url: str, *, timeout: float = 300.0) -> None:
        self._api = Api(http, base_url)
        self._timeout = timeout

    def version(self) -> str | None:
        """None from releases before 0.2.4, which do not say it."""
        health = self._checked("health", self._sent("health", lambda: self._api.get("health")))
        return health.get("version") if isinstance(health, Mapping) else None

    # -- projects ----------------------------------------------

    def projects(self) -> list[ProjectId]:
        return sorted(ProjectId(p["org_id"], p["project_id"]) for p in self._call("projects/list", {}))

    def project(self, project: ProjectId) -> Project | None:
        """None when it does not exist."""
        found = self._call_or_none("projects/get", project.body)
        if found is None:
            return None
        flags = self._call("memory/episodic/config/get", project.body)
        return Project.read(project, found, flags)

    def create_project(self, project: Project, *, with_config: bool = True) -> None:
        """Resource ids that the service does not know are refused with 422 or 500."""
        body = {**project.id.body, "description": project.description}
        self._call("projects", body | ({"config": dict(project.config)} if with_config else {}))

    def delete_project(self, project: ProjectId) -> None:
        """Silent when it is gone. Its memories are deleted in the background afterwards."""
        self._call_or_none("projects/delete", project.body)

    def set_flags(self, project: ProjectId, flags: Mapping[str, bool]) -> None:
        self._call("memory/episodic/config", {**project.body, **flags})

    def episode_count(self, project: ProjectId) -> int:
        return int(self._call("projects/episode_count/get", project.body)["count"])

    # -- episodes ----------------------------------------------

    def add(self, project: ProjectId, episodes: Sequence[Episode]) -> list[str]:
        """Their new uids, in order. Only into episodic memory: nothing is learned from them by a language model."""
        body = {**project.body, "types": ["episodic"], "messages": [episode.message for episode in episodes]}
        results = self._call("memories", body, timeout=self._timeout)["results"]
        uids = [str(result["uid"]) for result in results]
        if len(uids) != len(episodes):
            raise ApiError("memories", f"{len(uids)} uids for {len(episodes)} memories")
        return uids

    def episodes(self, project: ProjectId, *, page: int = PAGE) -> Iterator[Episode]:
        """All of them by (created_at, uid), each once, whatever is added or deleted meanwhile.

        Releases until 0.3.9 sort by created_at only, so numbered pages may bring one memory of an instant twice and
        another never (episode_sqlalchemy_store.py: `get_episode_messages`). So each page begins where the last whole
        instant ended.
        """
        since, size = "", page
        while True:
            body = {**project.body, "type": "episodic", "page_size": size, "page_num": 0, "filter": since}
            listed = [Episode.read(item) for item in self._listed(body)]
            last = max((one.created_at for one in listed), default=None)
            complete = len(listed) < size
            whole = listed if complete else [one for one in listed if one.created_at != last]
            yield from sorted(whole, key=lambda one: (one.created_at, len(one.uid), one.uid))
            if complete or last is None:
                return
            since, size = f"created_at >= date('{last.isoformat()}')", page if whole else size * 2

    def delete_episodes(self, project: ProjectId, uids: Sequence[str]) -> None:
        """Silent about those that are gone."""
        self._call("memories/episodic/delete", {**project.body, "episodic_ids": list(uids)})

    def search(self, project: ProjectId, query: str, *, top: int = 20) -> list[Episode]:
        """From long-term memory, best first.

        Short-term memory is one process's own, finds what no store has, and what it finds is left out of long-term
        memory's answer. The filter keeps it silent: it cannot compare a session's key (memmachine-server 0.3.9 and
        0.4.0, episodic_memory/short_term_memory/short_term_memory.py: `_resolve_field`).
        """
        body = {**project.body, "query": query, "top_k": top, "types": ["episodic"]}
        answer = self._call("memories/search", {**body, "filter": f"session_key = '{project}'"})
        episodic = (answer.get("content") or {}).get("episodic_memory") or {}
        return [Episode.read(item) for item in (episodic.get("long_term_memory") or {}).get("episodes") or []]

    # -- features ----------------------------------------------

    def features(
        self, project: ProjectId, set_metadata: Mapping[str, str] | None = None, *, page: int = PAGE
    ) -> Iterator[Feature]:
        """Those of the organisation's and the project's own sets, and of the sets that `set_metadata` leads to.

        Without citations: a list never has them.
        """
        body = {**project.body, "type": "semantic", "page_size": page, "set_metadata": dict(set_metadata or {})}
        for number in itertools.count():
            items = self._listed({**body, "page_num": number})
            yield from map(Feature.read, items)
            if len(items) < page:
                return

    def feature(self, project: ProjectId, feature: str) -> Feature | None:
        """With its citations; None when it does not exist."""
        body = {**project.body, "feature_id": feature, "load_citations": True}
        found = self._call_or_none("memories/semantic/feature/get", body)
        return Feature.read(found) if found else None

    def add_feature(self, project: ProjectId, feature: Feature) -> str:
        added = self._call("memories/semantic/feature", {**project.body, **feature.body})
        return str(added["feature_id"])

    def delete_features(self, project: ProjectId, features: Sequence[str]) -> None:
        self._call("memories/semantic/delete", {**project.body, "semantic_ids": list(features)})

    def set_types(self, project: ProjectId) -> list[dict[str, Any]]:
        """The organisation's: `id`, `is_org_level`, `tags` (names of metadata), `name`, `description`."""
        return list(self._call("memories/semantic/set_type/list", project.body)["set_types"])

    def create_set_type(self, project: ProjectId, kind: Mapping[str, Any]) -> None:
        fields = {"is_org_level": kind["is_org_level"], "metadata_tags": list(kind["tags"])}
        fields |= {"name": kind.get("name"), "description": kind.get("description")}
        self._call("memories/semantic/set_type", {**project.body, **fields})

    def templates(self, project: ProjectId, set_type: str) -> dict[str, str]:
        """The categories of a set type: name -> id."""
        body = {**project.body, "set_type_id": set_type}
        listed = self._call("memories/semantic/category/template/list", body)["categories"]
        return {str(each["name"]): str(each["id"]) for each in listed}

    def category(self, project: ProjectId, category: str) -> dict[str, Any] | None:
        """`id`, `name`, `prompt`, `description`, of a set's as of a set type's; never its tags. Ids are 1, 2, 3, …"""
        found = self._call_or_none("memories/semantic/category/get", {**project.body, "category_id": category})
        return dict(found) if found else None

    def category_sets(self, project: ProjectId, category: str) -> list[str]:
        body = {**project.body, "category_id": category}
        return [str(each) for each in self._call("memories/semantic/category/set_ids/get", body)["set_ids"]]

    def add_template(self, project: ProjectId, set_type: str, category: Mapping[str, Any]) -> None:
        self._call("memories/semantic/category/template", {**_category(project, category), "set_type_id": set_type})

    def add_category(self, project: ProjectId, set_id: str, category: Mapping[str, Any]) -> None:
        self._call("memories/semantic/category", {**_category(project, category), "set_id": set_id})

    # -- requests ----------------------------------------------

    def _listed(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        content = self._call("memories/list", body).get("content") or {}
        return content.get(f"{body['type']}_memory") or []

    def _call(self, path: str, body: Mapping[str, Any], *, timeout: float = TIMEOUT) -> Any:
        return self._checked(path, self._sent(path, lambda: self._api.post(path, body, timeout)))

    def _call_or_none(self, path: str, body: Mapping[str, Any]) -> Any:
        try:
            return self._call(path, body)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    @staticmethod
    def _sent(path: str, send: Any) -> Response:
        try:
            response: Response = send()
        except NoAnswer as error:
            raise ApiError(path, f"no answer ({error})") from error
        return response

    @staticmethod
    def _checked(path: str, response: Response) -> Any:
        if response.status_code not in (200, 201, 204):
            raise ApiError(path, f"HTTP {response.status_code}", status=response.status_code)
        if response.status_code == 204:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise ApiError(path, "an answer that is no JSON", status=response.status_code) from error


def _category(project: ProjectId, category: Mapping[str, Any]) -> dict[str, Any]:
    fields = {"category_name": category["name"], "prompt": category["prompt"]}
    return {**project.body, **fields, "description": category.get("description")}
