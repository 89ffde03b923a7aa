"""The proof that a deployment works: healthy, then a memory is stored and found, then its project is removed again.

Health alone looks at nothing: it answers while both databases are down. So only storing and finding counts.
Requests and answers are those of memmachine-server 0.2.6 to 0.4.0 (/api/v2).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from memdeploy.engine.clock import Clock
from memdeploy.errors import Unhealthy
from memdeploy.memmachine.api import Api, Http, NoAnswer, Response

ORGANISATION, PROOF = "memdeploy", "verify-"
"Of the projects that a proof makes and removes again; the latter takes MemMachine a while."
TOP = 5


@dataclass
class Proof:
    """`found` names the memories it was found in. `simulated`: a stand-in answered, which proves but the way."""

    version: str | None = None
    simulated: bool = False
    found: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


def prove(
    http: Http, base_url: str, *, clock: Clock, token: Callable[[], str] = lambda: secrets.token_hex(6),
    patience: float = 180.0, progress: Callable[[str], None] = lambda text: None,
) -> Proof:  # fmt: skip
    """Raises `Unhealthy`, whose code says what failed: `health`, `store`, `find` or `remove`."""
    proof, api = Proof(), Api(http, base_url)
    with _timed(proof, clock, "health"):
        progress("waiting for an answer")
        health = wait_healthy(api, clock, patience)
    proof.version = health.get("version")
    unique = token()
    project = {"org_id": ORGANISATION, "project_id": f"{PROOF}{unique}"}
    text = f"The memdeploy lighthouse keeper {unique} counts twelve ships."
    try:
        with _timed(proof, clock, "store"):
            progress("storing a memory")
            store(api, project, text)
        with _timed(proof, clock, "find"):
            progress("finding it again")
            proof.found = find(api, project, text)
    except Unhealthy:
        _quietly(lambda: api.post("projects/delete", project))
        raise
    with _timed(proof, clock, "remove"):
        remove(api, project)
    proof.simulated = api.simulated
    return proof


def wait_healthy(api: Api, clock: Clock, patience: float) -> dict[str, Any]:
    """A new service is refused (403, 404) until its permissions have spread, and cold for some seconds."""
    deadline = clock.now() + clock.patience(patience)
    while True:
        said = "no answer"
        try:
            response = api.get("health")
            if response.status_code == 200:
                return _object(response)
            said = f"HTTP {response.status_code}"
        except NoAnswer as error:
            said = f"no answer ({error})"
        if clock.now() >= deadline:
            raise Unhealthy(
                f"MemMachine is not healthy: {said}",
                code="health",
                where="verify",
                suggestion="401, 403: the caller may not invoke the service (yet). Otherwise its log names the cause.",
            )
        clock.sleep(2.0)


def store(api: Api, project: Mapping[str, str], text: str) -> None:
    message = {"content": text, "producer": "memdeploy", "role": "user"}
    _expect(api, "store", "memories", {**project, "types": ["episodic"], "messages": [message]})


def find(api: Api, project: Mapping[str, str], text: str) -> tuple[str, ...]:
    """Looks in both: until 0.3.9 what short-term memory holds is left out of long-term memory's answer."""
    query = {**project, "query": text, "top_k": TOP, "types": ["episodic"]}
    answer = _object(_expect(api, "find", "memories/search", query))
    episodic = (answer.get("content") or {}).get("episodic_memory") or {}
    found = tuple(
        name
        for name in ("long_term_memory", "short_term_memory")
        if any(e.get("content") == text for e in (episodic.get(name) or {}).get("episodes") or [])
    )
    if not found:
        raise Unhealthy(
            "A memory was stored but is not found again",
            code="find",
            where="verify",
            suggestion="Neo4j holds what search finds: see its machine, and the service's log.",
        )
    return found


def remove(api: Api, project: Mapping[str, str]) -> None:
    _expect(api, "remove", "projects/delete", project)


def _expect(api: Api, code: str, path: str, body: Mapping[str, Any]) -> Response:
    try:
        response = api.post(path, body)
    except NoAnswer as error:
        raise _failed(code, f"no answer ({error})") from error
    if response.status_code not in (200, 201, 204):
        raise _failed(code, f"HTTP {response.status_code}: {response.text[:200]}")
    return response


def _failed(code: str, said: str) -> Unhealthy:
    what = {"store": "stored", "find": "looked for", "remove": "removed again"}[code]
    return Unhealthy(
        f"MemMachine is healthy, but a memory could not be {what}: {said}",
        code=code,
        where="verify",
        suggestion="The service's log names the cause: Neo4j, PostgreSQL or the model's key.",
    )


def _object(response: Response) -> dict[str, Any]:
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _quietly(action: Callable[[], object]) -> None:
    """What failed before is what the user must hear of."""
    try:
        action()
    except NoAnswer:
        return


@contextmanager
def _timed(proof: Proof, clock: Clock, name: str) -> Iterator[None]:
    started = clock.now()
    yield
    proof.seconds[name] = round(clock.now() - started, 3)
