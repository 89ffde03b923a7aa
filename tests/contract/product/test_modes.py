"""Where Neo4j runs and how PostgreSQL is reached, as whole deployments. Changing between them: test_modes_changing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

#: A private address that answers nobody here: only a warning, as it may answer from inside.
INSIDE = "bolt+s://127.0.0.1:1"
EXTERNAL = ("--neo4j", "external", "--neo4j-uri", INSIDE)
PASSWORD = {"NEO4J_PASSWORD": "canary-neo4j-pass"}
LOST = "keeps nothing"


def types(cloud: Rehearsed) -> set[str]:
    return {f"{item['service']}.{item['type']}" for item in cloud.inventory()}


def marked(cloud: Rehearsed, by: str | None = None) -> list[tuple[str, str]]:
    """What is ours; builds are a record that nobody can delete."""
    ours = [item for item in cloud.inventory() if item["marker"] and item["type"] != "Build"]
    return [(item["type"], item["name"]) for item in ours if by in (None, item["marker"])]


def service(cloud: Rehearsed, memdeploy: Memdeploy) -> dict[str, Any]:
    names = memdeploy.journal()
    path = f"/run/v2/projects/proj-1/locations/us-central1/services/memmachine-{names['suffix']}-api"
    found: dict[str, Any] = cloud.ask("GET", path)
    return found


def environment(found: dict[str, Any], container: int = 0) -> dict[str, Any]:
    variables = found["template"]["containers"][container]["env"]
    return {one["name"]: one.get("value", one.get("valueSource")) for one in variables}


def test_external_needs_no_machine_and_hides_its_password(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP, *EXTERNAL, extra=PASSWORD)
    assert not types(cloud) & {"compute.Instance", "compute.Disk", "compute.Firewall"}
    values = environment(service(cloud, memdeploy))
    assert (values["NEO4J_URI"], values["NEO4J_USER"]) == (INSIDE, "neo4j")
    assert values["NEO4J_PASSWORD"]["secretKeyRef"]["secret"].endswith("-ext")
    again = memdeploy("up", "--yes")  # without the password: the stored one stays
    assert {step["status"] for step in again.data["steps"]} == {"unchanged"}
    renewed = memdeploy("up", "--yes", extra={"NEO4J_PASSWORD": "another-canary-pass"})
    changed = {step["name"] for step in renewed.data["steps"] if step["status"] == "updated"}
    assert changed >= {"secret.external", "service"}
    kept = "".join(path.read_text(errors="replace") for path in memdeploy.folder.rglob("*") if path.is_file())
    assert "canary" not in kept


def test_external_without_a_password_is_refused_before_anything(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    [error] = memdeploy(*UP, *EXTERNAL, expect=3).json["errors"]
    assert (error["code"], error["step"]) == ("neo4j-password-missing", "preflight")
    assert "NEO4J_PASSWORD" in error["message"]
    assert [request for request in cloud.requests() if request["mutates"]] == []


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing that Bolt would."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        done.set()
        thread.join()


def test_a_server_that_speaks_no_bolt_is_refused_before_anything(
    memdeploy: Memdeploy, cloud: Rehearsed, silent: int
) -> None:
    line = ("--neo4j", "external", "--neo4j-uri", f"bolt://localhost:{silent}")
    [error] = memdeploy(*UP, *line, extra=PASSWORD, expect=3).json["errors"]
    assert (error["code"], error["step"]) == ("neo4j-unreachable", "preflight")
    assert PASSWORD["NEO4J_PASSWORD"] not in str(error)
    assert [request for request in cloud.requests() if request["mutates"]] == []


def test_sidecar_says_what_it_is_in_plan_status_and_at_the_end(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    line = ("--provider", "gcp", "--project", "proj-1", "--neo4j", "sidecar")
    assert any(LOST in text for text in memdeploy("plan", *line).data["warnings"])
    up = memdeploy("up", "--yes", *line)
    assert any(LOST in text for text in up.data["warnings"])
    assert any(LOST in text for text in memdeploy("status").data["warnings"])
    assert LOST in memdeploy("status", json_output=False).stdout
    assert LOST in memdeploy("up", "--yes", json_output=False).stdout
    found = service(cloud, memdeploy)["template"]
    main, beside = found["containers"]
    assert (main["dependsOn"], beside["name"]) == (["neo4j"], "neo4j")
    assert "ports" not in beside
    assert beside["startupProbe"]["tcpSocket"]["port"] == 7687
    assert "@sha256:" in beside["image"]
    assert (found["scaling"]["minInstanceCount"], found["scaling"]["maxInstanceCount"]) == (1, 1)
    assert environment({"template": found})["NEO4J_URI"] == "bolt://127.0.0.1:7687"
    again = memdeploy("up", "--yes")
    assert {step["status"] for step in again.data["steps"]} == {"unchanged"}


def test_connector_and_external_need_no_network_of_ours(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP, *EXTERNAL, "--postgres-connectivity", "connector", extra=PASSWORD)
    assert not [kind for kind in types(cloud) if kind.startswith(("compute.", "servicenetworking."))]
    names = memdeploy.journal()
    instance = f"memmachine-{names['suffix']}-sql"
    settings = cloud.ask("GET", f"/sqladmin/v1/projects/proj-1/instances/{instance}")["settings"]
    address = settings["ipConfiguration"]
    assert (address["ipv4Enabled"], settings["connectorEnforcement"]) == (True, "REQUIRED")
    assert not address.get("authorizedNetworks")
    found = service(cloud, memdeploy)
    connection = f"proj-1:us-central1:{instance}"
    assert found["template"]["volumes"] == [{"name": "cloudsql", "cloudSqlInstance": {"instances": [connection]}}]
    assert environment(found)["POSTGRES_HOST"] == f"/cloudsql/{connection}"
    assert "vpcAccess" not in found["template"]
    again = memdeploy("up", "--yes")
    assert {step["status"] for step in again.data["steps"]} == {"unchanged"}
    memdeploy("destroy", "--yes", "--delete-data", "--no-final-backup")
    memdeploy("destroy", "--shared", "--yes")
    assert marked(cloud) == []


def test_destroy_takes_what_an_earlier_mode_left_behind(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP)
    memdeploy("up", "--yes", *EXTERNAL, extra=PASSWORD)
    memdeploy("destroy", "--yes", "--delete-data", "--no-final-backup", expect=11)
    cloud.let_go()
    memdeploy("destroy", "--finish")
    assert marked(cloud, memdeploy.identity()["id"]) == []


def test_a_private_address_is_not_given_back(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP)
    since = cloud.last_request()
    [error] = memdeploy("up", "--yes", "--postgres-connectivity", "connector", expect=3).json["errors"]
    assert (error["code"], error["step"]) == ("forbidden-change", "postgres.instance")
    assert "never gives a private address back" in error["message"]
    assert [request for request in cloud.requests(since) if request["mutates"]] == []
