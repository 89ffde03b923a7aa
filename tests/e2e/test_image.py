"""The product's image with real servers: TLS only, awkward passwords, each fault named, several servers at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from docker.models.containers import Container

from memdeploy.engine.clock import SystemClock
from memdeploy.memmachine import exits, smoke
from tests.e2e.servers import stopped_while_answering, up
from tests.e2e.stack import NEO4J_PASSWORD, REJECTED_KEY, Stack, url, wait_for

pytestmark = pytest.mark.engine

PASSWORDS = {
    "symbols": "p@ss/%w:1#$HOME ${HOME} '\" ?&=\\%41",
    "digits": "0123456789",
    "lines": "first\nzweite Zeile: ü ß 漢\n",
}


@pytest.fixture(scope="module")
def prepared(stack: Stack) -> Stack:
    """Every database prepared at once, each with its own user and password."""
    for name, password in PASSWORDS.items():
        stack.database(name, password)
    environments = [stack.environment(name, word, NEO4J_PASSWORD) for name, word in PASSWORDS.items()]
    with ThreadPoolExecutor() as pool:
        for ended in pool.map(lambda environment: stack.run("prepare", environment), environments):
            assert ended.code == 0, ended.stderr[-2000:]
            answer = json.loads(ended.stdout)
            assert ended.stdout.count("\n") == 1
            assert answer["ok"]
            assert answer["tables"] > 5
    return stack


@pytest.fixture(scope="module")
def servers(prepared: Stack) -> list[Container]:
    """Three at once on one prepared database."""
    environment = prepared.environment("symbols", PASSWORDS["symbols"], NEO4J_PASSWORD)
    containers = [prepared.memmachine("serve", environment) for _ in range(3)]
    up(containers)
    return containers


def test_prepare_makes_extension_and_tables_as_a_plain_user(prepared: Stack) -> None:
    for name in PASSWORDS:
        assert prepared.query(name, "select extname from pg_extension where extname = 'vector'") == "vector"
        assert prepared.query(name, "select to_regclass('episodestore') is not null") == "t"
        assert prepared.query(name, f"select rolsuper from pg_roles where rolname = '{name}'") == "f"


def test_prepare_again_changes_nothing_and_says_the_same(prepared: Stack) -> None:
    count = "select count(*) from information_schema.columns where table_schema = 'public'"
    before = prepared.query("digits", count)
    ended = prepared.run("prepare", prepared.environment("digits", PASSWORDS["digits"], NEO4J_PASSWORD))
    assert ended.code == 0
    assert prepared.query("digits", count) == before


FAULTS = {
    "postgres-password": {"POSTGRES_PASSWORD": "canary-wrong-8812"},
    "postgres-tls": {"POSTGRES_CA_PEM": "<neo4j>"},
    "postgres-database": {"POSTGRES_DB": "nobody_made_it"},
    "neo4j-tls": {"NEO4J_CA_PEM": "<sql>"},
    "neo4j-password": {"NEO4J_PASSWORD": "canary-wrong-8813"},
    "model-key": {"MODEL_API_KEY": REJECTED_KEY},
    "environment": {"POSTGRES_HOST": "", "MODEL_API_KEY": ""},
}


def test_each_fault_is_named_by_its_exit_code_and_no_secret_is_said(prepared: Stack) -> None:
    certificates = {"<neo4j>": prepared.neo4j_certificate, "<sql>": prepared.authority.pem}

    def run(changes: dict[str, str]) -> tuple[int, str, str]:
        real = {name: certificates.get(value, value) for name, value in changes.items()}
        environment = prepared.environment("symbols", PASSWORDS["symbols"], NEO4J_PASSWORD, **real)
        ended = prepared.run("prepare", environment)
        return ended.code, ended.stdout, ended.stdout + ended.stderr

    with ThreadPoolExecutor(4) as pool:
        outcomes = dict(zip(FAULTS, pool.map(run, FAULTS.values()), strict=True))
    named = {fault: getattr(exits.culprit(code), "culprit", code) for fault, (code, _, _) in outcomes.items()}
    assert named == {fault: fault for fault in FAULTS}
    for fault, (_, stdout, said) in outcomes.items():
        assert json.loads(stdout)["culprit"] == fault
        for secret in (*PASSWORDS.values(), NEO4J_PASSWORD, REJECTED_KEY, "canary"):
            assert secret not in said


def test_three_servers_store_and_each_finds_what_another_stored(servers: list[Container]) -> None:
    first = servers[0]
    project = {"org_id": "e2e", "project_id": "shared"}
    api = smoke.Api(requests.Session(), url(first))
    smoke.store(api, project, "The boiler serial number is 4711.")
    for container in servers:
        other = smoke.Api(requests.Session(), url(container))
        assert "long_term_memory" in smoke.find(other, project, "The boiler serial number is 4711.")
    smoke.remove(api, project)


def test_the_smoke_test_proves_a_real_memory_and_leaves_nothing(prepared: Stack, servers: list[Container]) -> None:
    stored = "select count(*) from episodestore where session_key like 'memdeploy/verify-%'"
    proof = smoke.prove(requests.Session(), url(servers[1]), clock=SystemClock())
    assert proof.found
    assert not proof.simulated
    assert proof.version == "0.4.0"
    assert set(proof.seconds) == {"health", "store", "find", "remove"}
    wait_for(lambda: prepared.query("symbols", stored) == "0", "removal", 20)


def test_projects_still_to_be_deleted_hinder_no_start(prepared: Stack) -> None:
    """MemMachine deletes in the background and goes on at its next start: uncorrected it does not survive some of
    these starts, and others leave projects behind."""
    environment = prepared.environment("lines", PASSWORDS["lines"], NEO4J_PASSWORD)
    first = prepared.memmachine("serve", environment)
    up([first])
    api = smoke.Api(requests.Session(), url(first))
    for project in ("one", "two", "three"):
        smoke.store(api, {"org_id": "e2e", "project_id": project}, f"A memory of {project}.")
    first.remove(force=True, v=True)
    prepared.query("lines", "update sessions set status = 'delete'")
    ended = prepared.run("prepare", environment)
    assert ended.code == 0, ended.stderr[-2000:]
    second = prepared.memmachine("serve", environment)
    up([second])
    wait_for(lambda: prepared.query("lines", "select count(*) from sessions") == "0", "deletion", 30)
    assert "Failed to delete session" not in second.logs().decode()
    second.remove(force=True, v=True)


def test_the_server_is_process_one_unprivileged_and_answers_before_it_ends(
    prepared: Stack, servers: list[Container]
) -> None:
    container = servers[2]
    status = container.exec_run(["cat", "/proc/1/status", "/proc/1/cmdline"]).output.decode()
    assert "/opt/memdeploy/server.py" in status
    assert "Uid:\t10001" in status
    assert container.exec_run(["touch", "/app/x"]).exit_code != 0
    stopped = stopped_while_answering(prepared, container, 5.0)
    assert (stopped.status, stopped.code) == (200, 0)
    assert stopped.seconds < 10  # what Cloud Run and `docker stop` give; on a quiet machine it is one


def test_no_password_of_the_databases_lies_on_the_disk_of_a_server(servers: list[Container]) -> None:
    found = servers[0].exec_run(["sh", "-c", "cat /tmp/*"]).output.decode()
    assert "MEMDEPLOY_POSTGRES_PASSWORD" in found
    for secret in (*PASSWORDS.values(), NEO4J_PASSWORD, "canary-model-key"):
        assert secret not in found
