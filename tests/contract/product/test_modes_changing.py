"""From each mode to each other, when the service is broken too; and how each is destroyed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.product.conftest import UP
from tests.contract.product.test_modes import EXTERNAL, INSIDE, PASSWORD, environment, marked, service, types
from tests.support.cli import Memdeploy, Outcome
from tests.support.rehearsed import Rehearsed

LINES = {"vm": ("--neo4j", "vm"), "external": EXTERNAL, "sidecar": ("--neo4j", "sidecar")}
#: All six directions in one walk.
WALK = ("external", "sidecar", "vm", "sidecar", "external", "vm")
SECRETS = {"vm": {"neo", "tls"}, "external": {"ext"}, "sidecar": {"side"}}
KEPT = ("neo4j.disk", "secret.neo4j", "secret.tls", "neo4j.address")


def to(memdeploy: Memdeploy, mode: str, expect: int = 0) -> Outcome:
    return memdeploy("up", "--yes", *LINES[mode], extra=PASSWORD if mode == "external" else None, expect=expect)


def secrets(cloud: Rehearsed) -> set[str]:
    """Of Neo4j, by the last part of their names."""
    names = {item["name"].rpartition("-")[2] for item in cloud.inventory() if item["type"] == "Secret"}
    return names & {"neo", "tls", "ext", "side"}


def fits(cloud: Rehearsed, memdeploy: Memdeploy, mode: str) -> None:
    """The service reaches the Neo4j of its mode, and of the others only what memories need is left."""
    found = service(cloud, memdeploy)
    uri = str(environment(found)["NEO4J_URI"])
    address = memdeploy.journal()["steps"]["neo4j.address"]["outputs"]["address"]
    assert uri == {"vm": f"bolt+s://{address}:7687", "external": INSIDE, "sidecar": "bolt://127.0.0.1:7687"}[mode]
    assert len(found["template"]["containers"]) == (2 if mode == "sidecar" else 1)
    assert ("compute.Instance" in types(cloud)) == (mode == "vm")
    assert secrets(cloud) == SECRETS["vm"] | SECRETS[mode]


def kept(memdeploy: Memdeploy) -> dict[str, Any]:
    """What must be the same whenever the machine comes back."""
    steps = memdeploy.journal()["steps"]
    return {step: {**steps[step]["outputs"], "fresh": False} for step in KEPT}


def test_from_each_mode_to_each_other(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP)
    before = kept(memdeploy)
    for mode in WALK:
        to(memdeploy, mode)
        fits(cloud, memdeploy, mode)
        assert kept(memdeploy) == before, mode
    assert memdeploy.journal()["steps"]["neo4j.disk"]["outputs"]["fresh"] is False  # it must not be formatted again
    assert memdeploy("plan", "--exit-code").data["pending"] is False


def test_what_stays_of_another_mode_is_named_with_what_it_costs(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    vm = memdeploy(*UP).data["cost_per_month"]
    planned = memdeploy("plan", *EXTERNAL, extra=PASSWORD).data
    actions = {action["step"]: action for action in planned["actions"]}
    disk = actions["neo4j.disk"]
    assert (disk["action"], disk["cost_per_month"]) == ("orphan", pytest.approx(3.0))  # 20 GB and their snapshots
    assert {actions[step]["action"] for step in ("neo4j.vm", "network.firewall")} == {"remove"}
    assert {actions[step]["action"] for step in KEPT[1:]} == {"kept"}
    assert disk["cost_per_month"] < planned["cost_per_month"] < vm
    to(memdeploy, "external")
    shown = memdeploy("plan", "--exit-code", json_output=False).stdout  # nothing to do
    assert "$3.00" in shown
    gone = memdeploy("up", "--yes", "--delete-data").data["cost_per_month"]
    assert gone == pytest.approx(planned["cost_per_month"] - disk["cost_per_month"])
    assert "compute.Disk" not in types(cloud)
    assert "compute.Snapshot" in types(cloud)  # the last of its data


@pytest.mark.parametrize("mode", ["external", "sidecar"])
def test_a_broken_service_is_left_for_another_mode(memdeploy: Memdeploy, cloud: Rehearsed, mode: str) -> None:
    memdeploy(*UP)
    before = kept(memdeploy)
    cloud.ask("POST", "/_rehearsal/containers", {"containers": [{"name": "*-api", "lines": ["no"], "starts": False}]})
    assert [error["step"] for error in to(memdeploy, mode, expect=1).json["errors"]] == ["service"]
    assert "compute.Instance" in types(cloud)  # nothing goes before what replaces it stands
    cloud.ask("POST", "/_rehearsal/containers", {"containers": []})
    to(memdeploy, "vm")
    fits(cloud, memdeploy, "vm")
    assert kept(memdeploy) == before


@pytest.mark.parametrize("mode", LINES)
def test_destroy_keeps_what_holds_data_and_then_nothing(memdeploy: Memdeploy, cloud: Rehearsed, mode: str) -> None:
    memdeploy(*UP, *LINES[mode], extra=PASSWORD)
    rest = memdeploy("destroy", "--yes").data
    holding = {"postgres.instance", "neo4j.disk"} if mode == "vm" else {"postgres.instance"}
    assert {row["step"] for row in rest["kept"] if row.get("reason")} == holding
    assert not types(cloud) & {"run.Service", "run.Job", "compute.Instance", "iam.ServiceAccount"}
    assert secrets(cloud) == (SECRETS["vm"] if mode == "vm" else set())
    ended = memdeploy("destroy", "--yes", "--delete-data", "--no-final-backup", expect=None)
    if ended.code == 11:
        cloud.let_go()
        ended = memdeploy("destroy", "--finish")
    assert ended.code == 0
    assert marked(cloud, memdeploy.identity()["id"]) == []
    memdeploy("destroy", "--shared", "--yes")
    assert marked(cloud) == []


def test_destroy_keeps_the_disk_of_an_earlier_mode(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP)
    before = kept(memdeploy)
    to(memdeploy, "sidecar")
    rest = {row["step"]: row for row in memdeploy("destroy", "--yes").data["kept"]}
    assert set(rest) >= {"postgres.instance", *KEPT}
    assert rest["neo4j.disk"]["cost_per_month"] == pytest.approx(3.0)
    to(memdeploy, "vm")
    assert kept(memdeploy) == before
