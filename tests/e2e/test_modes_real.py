"""Where Neo4j runs and how PostgreSQL is reached, with real servers: one deployment that begins without any network of
its own, Neo4j beside MemMachine, and moves on, its tests in the order of its life."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from tests.e2e.outside import PASSWORD, Outside, outside
from tests.e2e.product import Live, serve

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]

UP = ("up", "--yes", "--provider", "gcp", "--project", "proj-1")
THROWN_AWAY = "The tide table of Veere hangs behind the bakery's door."
KEPT = "The harbour master of Zierikzee keeps nineteen brass keys."
ABROAD = "The ferryman of Breskens hums in the fog."
LOST = "keeps nothing"
ANY_CERTIFICATE = "takes any certificate"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A rehearsal with containers behind it; whatever happens, nothing of it stays in the engine."""
    made = serve(tmp_path_factory.mktemp("modes"), docker.from_env(timeout=120))
    try:
        yield made
    finally:
        made.cloud.ask("POST", "/_rehearsal/reset")
        made.cloud.stop()
    assert made.left() == {"containers": [], "networks": [], "volumes": []}


@pytest.fixture(scope="module")
def outside_of_it(live: Live) -> Iterator[Outside]:
    with outside(live.engine) as made:
        yield made


@pytest.fixture(scope="module")
def beside(live: Live, outside_of_it: Outside) -> dict[str, Any]:
    """Neo4j as a sidecar, PostgreSQL by the connector's socket."""
    return live.memdeploy(*UP, "--neo4j", "sidecar", "--postgres-connectivity", "connector").data


@pytest.fixture(scope="module")
def moved(live: Live, beside: dict[str, Any]) -> dict[str, Any]:
    """Onto a machine and into a network, with a memory that must last."""
    data = live.memdeploy("up", "--yes", "--neo4j", "vm", "--postgres-connectivity", "private").data
    live.remember("modes", KEPT)
    return data


@pytest.fixture(scope="module")
def abroad(moved: dict[str, Any], outside_of_it: Outside) -> Outside:
    return outside_of_it.ready()


def finds(live: Live, text: str) -> bool:
    return text in live.recall("modes", text)


def logged(live: Live, container: str) -> list[str]:
    """In Cloud Logging, of one of the service's containers."""
    body = {"resourceNames": [f"projects/{live.project}"], "filter": f'labels.container_name="{container}"'}
    live.cloud.ask("POST", "/logging/v2/entries:list", body)
    time.sleep(0.1)  # a line can be read a moment after it arrived
    return [entry["textPayload"] for entry in live.cloud.ask("POST", "/logging/v2/entries:list", body)["entries"]]


def test_beside_memmachine_a_memory_is_found_until_the_instance_ends(live: Live, beside: dict[str, Any]) -> None:
    assert beside["verified"] == "real"
    assert any(LOST in text for text in beside["warnings"])
    live.remember("modes", THROWN_AWAY)
    assert finds(live, THROWN_AWAY)
    assert live.psql(f"SELECT count(*) FROM episodestore WHERE content = $${THROWN_AWAY}$$") == "1"
    live.part("neo4j").kill()
    assert not finds(live, THROWN_AWAY)  # by the instance that took its place
    assert len([line for line in logged(live, "neo4j") if line.endswith("Started.")]) == 2
    assert any("Uvicorn running" in line for line in logged(live, "memmachine"))
    status = live.memdeploy("status").data
    assert status["health"] == "healthy"
    assert any(LOST in text for text in status["warnings"])


def test_by_the_connector_there_is_no_network_and_no_way_in_but_the_socket(live: Live, beside: dict[str, Any]) -> None:
    user = live.output("postgres.user", "name")
    ways = "SELECT DISTINCT coalesce(host(client_addr), 'socket') FROM pg_stat_activity WHERE usename ="
    assert live.psql(f"{ways} '{user}'") == "socket"
    sql, service = (
        set(one.attrs["NetworkSettings"]["Networks"]) for one in (live.container("sql"), live.part("neo4j"))
    )
    assert not sql & service
    types = {resource["type"] for resource in live.cloud.inventory()}
    assert not types & {"Network", "Subnetwork", "Connection", "Address"}


def test_from_the_sidecar_to_a_machine_what_is_stored_lasts(live: Live, moved: dict[str, Any]) -> None:
    assert moved["verified"] == "real"
    assert "warnings" not in moved
    assert not live.memdeploy("status").data.get("warnings")
    assert finds(live, KEPT)


@pytest.mark.parametrize(
    ("scheme", "password", "code"),
    [
        ("bolt+s", PASSWORD, "neo4j-tls"),
        ("bolt", PASSWORD, "neo4j-unreachable"),
        ("bolt+ssc", "wrong-canary-pass", "neo4j-password"),
    ],
    ids=lambda value: value.replace(PASSWORD, "right").replace("wrong-canary-pass", "wrong"),
)
def test_a_neo4j_of_ones_own_is_proved_before_anything_changes(
    live: Live, moved: dict[str, Any], abroad: Outside, scheme: str, password: str, code: str
) -> None:
    since = live.cloud.last_request()
    line = ("--neo4j", "external", "--neo4j-uri", abroad.uri(scheme))
    refused = live.memdeploy("up", "--yes", *line, extra={"NEO4J_PASSWORD": password}, expect=3)
    assert [(error["code"], error["step"]) for error in refused.json["errors"]] == [(code, "preflight")]
    assert password not in refused.stdout + refused.stderr
    assert [request for request in live.cloud.requests(since) if request["mutates"]] == []


def test_from_a_machine_to_ones_own_and_back_nothing_is_lost(
    live: Live, moved: dict[str, Any], abroad: Outside
) -> None:
    line = ("--neo4j", "external", "--neo4j-uri", abroad.uri())
    there = live.memdeploy("up", "--yes", *line, extra={"NEO4J_PASSWORD": PASSWORD}).data
    assert there["verified"] == "real"
    assert any(ANY_CERTIFICATE in text for text in there["warnings"])
    assert live.containers("vm") == []
    live.remember("modes", ABROAD)
    assert finds(live, ABROAD)
    held = abroad.cypher("MATCH (n) WHERE any(key IN keys(n) WHERE n[key] = $text) RETURN count(n) AS n", text=ABROAD)
    assert held[0]["n"] >= 1
    assert not finds(live, KEPT)
    back = live.memdeploy("up", "--yes", "--neo4j", "vm").data
    assert back["verified"] == "real"
    assert finds(live, KEPT)


def test_nothing_is_left_of_any_mode(live: Live, moved: dict[str, Any]) -> None:
    ended = live.memdeploy("destroy", "--delete-data", "--no-final-backup", "--yes", expect=None)
    deadline = time.monotonic() + 120
    while ended.code == 11 and time.monotonic() < deadline:  # the subnet is held for an hour of cloud time or two
        time.sleep(1)
        ended = live.memdeploy("destroy", "--finish", "--yes", expect=None)
    assert ended.code == 0, ended.stderr
    live.memdeploy("destroy", "--shared", "--yes")
    assert {resource["type"] for resource in live.cloud.inventory()} <= {"Build"}
    assert live.left() == {"containers": [], "networks": [], "volumes": []}
