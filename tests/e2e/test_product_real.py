"""The whole product with real servers: one deployment, its tests in the order of its life."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from tests.contract.product import canary
from tests.e2e.planted import FAULTS, Fault
from tests.e2e.product import Live, serve
from tests.support.proxied import by_mcp, by_memmachines_client, proxied

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]

UP = ("up", "--yes", "--provider", "gcp", "--project", "proj-1")
TEXT = "The harbour master of Zierikzee keeps nineteen brass keys."
QUESTION = "Who keeps the brass keys?"


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A rehearsal with containers behind it; whatever happens, nothing of it stays in the engine."""
    live = serve(tmp_path_factory.mktemp("product"), docker.from_env(timeout=120))
    try:
        yield live
    finally:
        live.cloud.ask("POST", "/_rehearsal/reset")
        live.cloud.stop()
    assert live.left() == {"containers": [], "networks": [], "volumes": []}


@pytest.fixture(scope="module")
def deployed(life: Live) -> dict[str, Any]:
    return life.memdeploy(*UP).data


def found_again(life: Live) -> None:
    assert TEXT in life.recall("proof", QUESTION)


def test_a_memory_that_was_stored_by_http_is_in_both_databases(life: Live, deployed: dict[str, Any]) -> None:
    assert deployed["verified"] == "real"
    life.remember("proof", TEXT)
    found_again(life)
    assert life.psql(f"SELECT count(*) FROM episodestore WHERE content = '{TEXT}'") == "1"
    nodes = life.cypher("MATCH (n) WHERE any(key IN keys(n) WHERE n[key] = $text) RETURN count(n) AS n", text=TEXT)
    assert nodes[0]["n"] >= 1


def test_clients_that_know_no_token_use_the_private_service_through_the_proxy(
    life: Live, deployed: dict[str, Any]
) -> None:
    """MemMachine's own library by REST, and any MCP client."""
    with proxied(life.memdeploy) as served:
        assert TEXT in by_memmachines_client(served.url, TEXT, QUESTION)
        assert TEXT in by_mcp(served.url, TEXT, QUESTION)


def test_logs_tell_what_the_servers_said(life: Live, deployed: dict[str, Any]) -> None:
    def said(component: str) -> str:
        return "\n".join(line["text"] for line in life.memdeploy("logs", component).data["lines"])

    assert "POST /api/v2/memories" in said("service")
    assert "memdeploy: phase ready" in said("neo4j")  # the machine's console
    assert '"ok": true' in said("prepare")


def test_secrets_are_in_no_record_of_the_engine_but_the_servers_own(life: Live, deployed: dict[str, Any]) -> None:
    """The environment of the running service and of its job is the one exception, there and in the engine's record.
    The offline model's key is a word that everybody may read."""
    wanted = {
        form: what
        for name, value in canary.stored(life.cloud.folder).items()
        if not name.endswith("-key/versions/1")
        for form, what in canary.forms(name, value).items()
    }
    assert any(form in life.environment("service") for form in wanted), "the search finds nothing anywhere"
    for kind in ("vm", "guest", "sql", "registry", "model"):
        container = life.container(kind)
        assert canary.found(json.dumps(container.attrs).encode(), wanted) == [], kind
        assert canary.found(container.logs(), wanted) == [], kind
    assert canary.found(life.boot_disk("vm"), wanted) == []
    assert canary.found(life.container("service").logs(), wanted) == []
    image = life.engine.images.get(life.container("service").attrs["Config"]["Image"])
    assert canary.found(json.dumps([image.history(), image.attrs]).encode(), wanted) == []
    assert canary.found(life.definitions(), wanted) == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.culprit)
def test_what_goes_wrong_is_named_and_up_goes_on_after_it(life: Live, deployed: dict[str, Any], fault: Fault) -> None:
    fault.plant(life)
    failed = life.memdeploy("up", "--yes", expect=1).json
    assert [error["code"] for error in failed["errors"]] == [fault.culprit]
    fault.right(life)
    assert life.memdeploy("up", "--yes").data["verified"] == "real"
    found_again(life)


def test_kept_data_rests_and_lives_again(life: Live, deployed: dict[str, Any]) -> None:
    before = set(life.volumes())
    kept = life.memdeploy("destroy", "--yes").data
    assert {"postgres.instance", "neo4j.disk"} <= {thing["step"] for thing in kept["kept"]}
    assert life.container("sql").status == "exited"
    assert [life.containers(kind) for kind in ("vm", "guest", "service")] == [[], [], []]
    gone = before - set(life.volumes())
    assert all("-memory-" in name for name in gone), gone  # a machine's /run; every disk is there
    again = life.memdeploy("up", "--yes").data
    assert again["verified"] == "real"
    found_again(life)


def test_after_everything_is_destroyed_nothing_is_left_but_records_of_builds(
    life: Live, deployed: dict[str, Any]
) -> None:
    held = life.memdeploy("destroy", "--delete-data", "--no-final-backup", "--yes", expect=None)
    deadline = time.monotonic() + 120
    while held.code == 11 and time.monotonic() < deadline:  # the subnet is held for an hour of cloud time or two
        time.sleep(1)
        held = life.memdeploy("destroy", "--finish", "--yes", expect=None)
    assert held.code == 0, held.stderr
    life.memdeploy("destroy", "--shared", "--yes")
    assert {resource["type"] for resource in life.cloud.inventory()} <= {"Build"}
    assert life.left() == {"containers": [], "networks": [], "volumes": []}
