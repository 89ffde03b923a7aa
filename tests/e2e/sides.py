"""Deployments of two releases beside each other, each with its own servers: what memories are carried between."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from docker.models.containers import Container

from memdeploy.memmachine.api import Client
from memdeploy.memmachine.records import ProjectId
from tests.e2e.stack import IMAGE_OF, NEO4J_PASSWORD, Ended, Stack, url, wait_for

PASSWORD = "p@ss/%w:1#"
CYPHER = """
import os, json, configure
from pathlib import Path
from neo4j import GraphDatabase
s = configure.read(os.environ)
os.environ.update(configure.write(s, Path("/tmp")).environment)
with GraphDatabase.driver(s.neo4j_uri, auth=(s.neo4j_user, s.neo4j_password)) as driver:
    records, _, _ = driver.execute_query(os.environ["QUERY"])
    print(json.dumps([list(record.values()) for record in records]))
"""


@dataclass
class Side:
    """One MemMachine with a database of its own in a stack; it has the stack's Neo4j to itself while it is used."""

    stack: Stack
    version: str
    name: str = field(default_factory=lambda: f"side{secrets.token_hex(3)}")
    server: Container | None = None
    changes: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> None:
        self.stack.database(self.name, PASSWORD)
        ended = self.word("prepare")  # which waits for both databases
        assert ended.code == 0, ended.stderr[-2000:]
        self.cypher("MATCH (n) DETACH DELETE n")
        self.serve()

    def serve(self) -> None:
        self.server = self.stack.memmachine("serve", self.environment, self.image)
        wait_for(self.healthy, f"MemMachine {self.version}", 300)

    def healthy(self) -> bool:
        assert self.server is not None
        self.server.reload()
        assert self.server.status != "exited", self.server.logs().decode()[-3000:]
        try:
            return requests.get(f"{url(self.server)}/api/v2/health", timeout=10).ok
        except requests.RequestException:
            return False

    def stop(self) -> None:
        if self.server is not None:
            self.server.remove(force=True, v=True)
            self.server = None

    @property
    def image(self) -> str:
        return IMAGE_OF[self.version]

    @property
    def environment(self) -> dict[str, str]:
        return self.stack.environment(self.name, PASSWORD, NEO4J_PASSWORD, **self.changes)

    @property
    def url(self) -> str:
        assert self.server is not None
        return url(self.server)

    @property
    def client(self) -> Client:
        return Client(requests.Session(), self.url)

    def word(self, word: str, **more: str) -> Ended:
        return self.stack.run(word, {**self.environment, **more}, self.image)

    def answer(self, word: str, **more: str) -> dict[str, Any]:
        """Of a word that must succeed."""
        ended = self.word(word, **more)
        assert ended.code == 0, ended.stdout + ended.stderr[-2000:]
        assert ended.stdout.count("\n") == 1
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    def project(self, project: ProjectId, counted: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What `count` says of one project."""
        lines = (counted or self.answer("count"))["projects"]
        found: dict[str, Any] = next(line for line in lines if line["project"] == str(project))
        return found

    def graph_answers(self) -> bool:
        try:
            return self.cypher("RETURN 1") == [[1]]
        except AssertionError:
            return False

    def cypher(self, query: str) -> list[Any]:
        ended = self.stack.end(self.stack.python(CYPHER, {**self.environment, "QUERY": query}, self.image))
        assert ended.code == 0, ended.stderr[-2000:]
        found: list[Any] = json.loads(ended.stdout)
        return found

    def sql(self, statement: str) -> str:
        return self.stack.query(self.name, statement)


@contextmanager
def started(stack: Stack, version: str, **changes: str) -> Iterator[Side]:
    """`changes`: of the environment."""
    side = Side(stack, version, changes=changes)
    try:
        side.start()
        yield side
    finally:
        side.stop()
