"""The releases before the newest, each with real servers; the newest one's tests are in test_image.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import requests
from docker.models.containers import Container

from memdeploy.engine.clock import SystemClock
from memdeploy.memmachine import exits, releases, smoke
from tests.e2e.servers import memories, stopped_while_answering, up
from tests.e2e.stack import IMAGE_OF, REJECTED_KEY, Ended, Stack, url

pytestmark = pytest.mark.engine

PRINTABLE = "".join(chr(code) for code in range(33, 127))
PASSWORDS = {"0.3.9": f"{PRINTABLE} ü漢😀", "0.2.6": f"%41$HOME${{HOME}}\n{PRINTABLE[::-1]}"}
"""Of both databases. Every printable character, and what an expansion or a decoding would change."""
NEVER = """
import sys, serve
LESS = "import runpy, serve; serve.PREPARED_SECONDS = 2.0; runpy.run_path(serve.SERVER[1], run_name='__main__')"
serve.SERVER = [sys.executable, "-c", LESS]
serve.main()
"""
"""`serve` with less patience: the server's own process does the waiting."""


@dataclass
class Life:
    """One release on a prepared database of its own."""

    stack: Stack
    release: releases.Release
    prepared: Ended
    servers: list[Container]

    @property
    def name(self) -> str:
        return f"release_{self.release.version.replace('.', '_')}"

    def environment(self, **changes: str) -> dict[str, str]:
        password = PASSWORDS[self.release.version]
        return self.stack.environment(self.name, password, password, **{"NEO4J_USER": self.name, **changes})

    def run(self, word: str, **changes: str) -> Ended:
        return self.stack.run(word, self.environment(**changes), IMAGE_OF[self.release.version])


@pytest.fixture(scope="module", params=list(PASSWORDS))
def life(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Life]:
    release = releases.to_deploy(request.param)
    life = Life(stack, release, Ended(0, "", ""), [])
    stack.database(life.name, PASSWORDS[release.version])
    stack.neo4j_user(life.name, PASSWORDS[release.version])
    life.prepared = life.run("prepare")
    assert life.prepared.code == 0, life.prepared.stderr[-3000:]
    life.servers = [stack.memmachine("serve", life.environment(), IMAGE_OF[release.version]) for _ in range(3)]
    yield life
    for container in life.servers:
        container.remove(force=True, v=True)


def test_prepare_makes_the_releases_own_tables_with_every_awkward_password(life: Life) -> None:
    answer = json.loads(life.prepared.stdout)
    assert answer["ok"]
    assert answer["tables"] > 5
    assert life.stack.query(life.name, "select version_num from alembic_version") == life.release.schema_head
    columns = "select column_name from information_schema.columns where table_name = 'episodestore'"
    assert "id" in life.stack.query(life.name, columns).splitlines()


def test_three_servers_at_once_store_and_each_finds_what_another_stored(life: Life) -> None:
    up(life.servers)
    text = "The lock keeper's barrow is painted green."
    [uid] = memories(life.servers[0], "shared").stored(text)
    assert (life.release.uid == "integer") is uid.isdigit()
    for container in life.servers:
        assert memories(container, "shared").found(text)
        assert memories(container, "shared").listed() == {text}


def test_the_smoke_test_proves_it_and_tells_its_version(life: Life) -> None:
    up(life.servers)
    proof = smoke.prove(requests.Session(), url(life.servers[1]), clock=SystemClock())
    assert (proof.version, proof.simulated) == (life.release.version, False)
    assert proof.found


FAULTS = {
    "postgres-password": {"POSTGRES_PASSWORD": "canary-wrong-8812"},
    "neo4j-password": {"NEO4J_PASSWORD": "canary-wrong-8813"},
    "model-key": {"MODEL_API_KEY": REJECTED_KEY},
    "environment": {"MODEL_API_KEY": ""},
}


def test_each_fault_is_named_by_its_exit_code_and_no_secret_is_said(life: Life) -> None:
    with ThreadPoolExecutor(4) as pool:
        ended = dict(
            zip(FAULTS, pool.map(lambda changes: life.run("prepare", **changes), FAULTS.values()), strict=True)
        )
    assert {fault: getattr(exits.culprit(end.code), "culprit", end.code) for fault, end in ended.items()} == {
        fault: fault for fault in FAULTS
    }
    assert "MODEL_API_KEY is missing" in ended["environment"].stderr
    for end in ended.values():
        for secret in (PASSWORDS[life.release.version], REJECTED_KEY, "canary"):
            assert secret not in end.stdout + end.stderr


def test_a_database_that_nobody_prepared_ends_a_server_with_a_code_of_its_own(life: Life) -> None:
    name = f"{life.name}_never"
    life.stack.database(name, "never")
    environment = life.environment(POSTGRES_DB=name, POSTGRES_USER=name, POSTGRES_PASSWORD="never")
    ended = life.stack.end(life.stack.python(NEVER, environment, IMAGE_OF[life.release.version]))
    found = exits.culprit(ended.code)
    assert found is not None
    assert found.culprit == "unprepared"
    assert "memdeploy up" in found.suggestion
    assert life.stack.query(name, "select count(*) from pg_tables where schemaname = 'public'") == "0"


def test_a_server_whose_key_is_rejected_ends_with_memmachines_own_code(life: Life) -> None:
    """It asks the model when it starts; `prepare` would have named the key."""
    ended = life.run("serve", MODEL_API_KEY=REJECTED_KEY)
    assert getattr(exits.culprit(ended.code), "culprit", ended.code) == "memmachine"
    assert REJECTED_KEY not in ended.stdout + ended.stderr


def test_what_is_asked_is_answered_before_it_ends(life: Life) -> None:
    up(life.servers)
    stopped = stopped_while_answering(life.stack, life.servers[2], 5.0)
    assert (stopped.status, stopped.code) == (200, 0)
    assert stopped.seconds < 10  # what Cloud Run and `docker stop` give; on a quiet machine it is one
