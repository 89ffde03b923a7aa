"""Real servers for benchmarks: MemMachine as memdeploy runs it, and as upstream's image runs it, on the same databases.

Both reach the same PostgreSQL (a database each), the same Neo4j (projects of their own) and the same model, by TLS as
in a cloud. All of it carries the stack's label and is removed by it, whatever happens.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import neo4j
import requests
from docker.models.containers import Container
from tests.e2e.stack import Stack, put, url, wait_for

from memdeploy.memmachine import offline_model

SIDES = ("ours", "upstream")
PASSWORD = "benchmark-7741"
PATIENCE = 600.0
"""Seconds: upstream imports 7,000 files without bytecode, on a machine that may be busy."""
FAST_MODEL = Path(__file__).with_name("fast_model.py")
DIMENSIONS = "1536"
Images = Mapping[str, str]


class Servers(Stack):
    """`image`: of each side. The fast model runs in ours, which has NumPy."""

    def __init__(self, engine: docker.DockerClient, image: Images, sides: Sequence[str]) -> None:
        super().__init__(engine, neo4j_password=PASSWORD, java="full")
        self.image = image
        self._sides = sides

    def _start_model(self) -> None:
        files = {Path(file).name: (Path(file).read_bytes(), 0o644, 0) for file in (FAST_MODEL, offline_model.__file__)}
        model = self.create(
            self.image["ours"], ["/model/fast_model.py"], entrypoint=["python"], alias=offline_model.ALIAS
        )
        put(model, "/", {f"model/{name}": file for name, file in files.items()})
        model.start()

    def prepare(self) -> None:
        """A database for each side, with extension and tables: upstream's by a first start, which it needs alone."""
        wait_for(self._neo4j_answers, "Neo4j", PATIENCE)
        for side in self._sides:
            self.database(side, PASSWORD)
            self._psql("create extension if not exists vector", side)
        if "ours" in self._sides:
            ended = self.run("prepare", self.of("ours"), self.image["ours"])
            assert ended.code == 0, ended.stderr[-2000:]
        if "upstream" in self._sides:
            first = self.begin("upstream")
            ready(first)
            first.remove(force=True, v=True)

    def _neo4j_answers(self) -> bool:
        with contextlib.suppress(neo4j.exceptions.DriverError, neo4j.exceptions.Neo4jError, OSError):
            self.cypher("RETURN 1")
            return True
        return False

    def cypher(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        address = f"bolt+ssc://{self.address(5)}:7687"
        auth = ("neo4j", self.neo4j_password)
        with neo4j.GraphDatabase.driver(address, auth=auth) as driver, driver.session() as session:
            return [record.data() for record in session.run(statement, parameters)]

    def of(self, side: str) -> dict[str, str]:
        return self.environment(side, PASSWORD, self.neo4j_password, MODEL_DIMENSIONS=DIMENSIONS)

    def begin(self, side: str) -> Container:
        """Started, no more. Ours as Cloud Run runs it; upstream's as its image says, with a configuration put in."""
        if side == "ours":
            return self.memmachine("serve", self.of(side), self.image[side])
        environment = {
            "MEMORY_CONFIG": "/app/configuration.yml", "SSL_CERT_FILE": "/app/neo4j.pem", "PGSSLMODE": "require",
        }  # fmt: skip
        container = self.create(
            self.image[side], None, environment=environment, ports={"8080/tcp": ("127.0.0.1", None)}
        )
        put(container, "/app", {
            "configuration.yml": (json.dumps(untuned(self.of(side))).encode(), 0o644, 0),
            "neo4j.pem": (self.neo4j_certificate.encode(), 0o644, 0),
        })  # fmt: skip
        container.start()
        return container


def untuned(environment: Mapping[str, str]) -> dict[str, Any]:
    """What MemMachine must be told, in its own defaults otherwise; same models and rerankers as in ours."""
    rerankers = {
        "reranker": {"provider": "rrf-hybrid", "config": {"reranker_ids": ["identity", "bm25"]}},
        "identity": {"provider": "identity"},
        "bm25": {"provider": "bm25"},
    }
    model = {"api_key": environment["MODEL_API_KEY"], "base_url": environment["MODEL_BASE_URL"]}
    postgres = {
        "host": environment["POSTGRES_HOST"], "port": 5432, "user": environment["POSTGRES_USER"],
        "password": environment["POSTGRES_PASSWORD"], "db_name": environment["POSTGRES_DB"],
    }  # fmt: skip
    graph = {
        "uri": environment["NEO4J_URI"], "user": environment["NEO4J_USER"], "password": environment["NEO4J_PASSWORD"],
    }  # fmt: skip
    embedder = {**model, "model": environment["MODEL_EMBEDDING"], "dimensions": int(environment["MODEL_DIMENSIONS"])}
    return {
        "logging": {"path": "/tmp/memmachine.log", "level": "info"},
        "episode_store": {"database": "postgres"},
        "session_manager": {"database": "postgres"},
        "episodic_memory": {
            "long_term_memory": {"embedder": "embedder", "reranker": "reranker", "vector_graph_store": "graph"},
            "short_term_memory": {"llm_model": "chat", "message_capacity": 500},
        },
        "semantic_memory": {
            "llm_model": "chat", "embedding_model": "embedder", "database": "postgres", "config_database": "postgres",
        },
        "retrieval_agent": {"llm_model": "chat", "reranker": "reranker"},
        "prompt": {"default_project_categories": ["profile_prompt"]},
        "resources": {
            "databases": {
                "postgres": {"provider": "postgres", "config": postgres},
                "graph": {"provider": "neo4j", "config": graph},
            },
            "embedders": {"embedder": {"provider": "openai", "config": embedder}},
            "language_models": {
                "chat": {"provider": "openai-responses", "config": {**model, "model": environment["MODEL_CHAT"]}}
            },
            "rerankers": rerankers,
        },
    }  # fmt: skip


@dataclass(frozen=True)
class Api:
    """One client's own connection to one MemMachine."""

    base: str
    session: requests.Session
    project: Mapping[str, str]

    @classmethod
    def of(cls, container: Container, project: str) -> Api:
        return cls(f"{url(container)}/api/v2", requests.Session(), {"org_id": "benchmark", "project_id": project})

    def add(self, messages: Sequence[Mapping[str, Any]]) -> None:
        self._post("memories", {"types": ["episodic"], "messages": list(messages)})

    def search(self, query: str, top: int) -> Any:
        """The answer's `content`."""
        return self._post("memories/search", {"types": ["episodic"], "query": query, "top_k": top})["content"]

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = self.session.post(f"{self.base}/{path}", json={**self.project, **body}, timeout=120)
        answer.raise_for_status()
        return answer.json()


def ready(container: Container) -> str:
    """Waits until it answers at all; the address."""
    at = published(container)
    until(lambda: requests.get(f"{at}/api/v2/health", timeout=5).ok, container, 0.05)
    return at


def published(container: Container) -> str:
    wait_for(lambda: bool(url(container)), "published port", 10)
    return url(container)


def until(look: Callable[[], bool], container: Container, pause: float, seconds: float = PATIENCE) -> None:
    """Asks again while nothing answers; an answer that is an error is one here, too."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(requests.ConnectionError):
            if look():
                return
        if time.monotonic() > deadline:
            container.reload()
            said = container.logs().decode(errors="replace")[-2000:]
            raise RuntimeError(f"not ready within {seconds:.0f} s ({container.status}):\n{said}")
        time.sleep(pause)


@contextlib.contextmanager
def servers(image: Images, sides: Sequence[str] = SIDES) -> Iterator[Servers]:
    """Databases and model, prepared for the sides."""
    stack = Servers(docker.from_env(timeout=300), image, sides)
    try:
        stack.start()
        stack.prepare()
        yield stack
    finally:
        stack.remove()
