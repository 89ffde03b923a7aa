"""Another profile of a deployment that stands: in place, restarts said before, nothing made again, nothing shrunk."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

ZONE = "us-central1-a"
CRASH = "MEMDEPLOY_TEST_CRASH"

#: profile -> tier, availability, machine, least and most instances, CPUs.
SIZES = {
    "small": ("db-f1-micro", "ZONAL", "e2-small", 0, 2, "1"),
    "standard": ("db-custom-1-3840", "ZONAL", "e2-medium", 0, 4, "2"),
    "production": ("db-custom-2-7680", "REGIONAL", "e2-standard-2", 1, 4, "2"),
}


class Live:
    """What the cloud itself tells."""

    def __init__(self, memdeploy: Memdeploy, cloud: Rehearsed) -> None:
        self.cloud = cloud
        self.base = f"memmachine-{memdeploy.journal()['suffix']}"

    def sql(self) -> dict[str, Any]:
        return dict(self.cloud.ask("GET", f"/sqladmin/v1/projects/proj-1/instances/{self.base}-sql"))

    def machine(self) -> dict[str, Any]:
        return self._compute(f"instances/{self.base}-neo")

    def disk(self) -> dict[str, Any]:
        return self._compute(f"disks/{self.base}-data")

    def template(self) -> dict[str, Any]:
        path = f"/run/v2/projects/proj-1/locations/us-central1/services/{self.base}-api"
        return dict(self.cloud.ask("GET", path)["template"])

    def sizes(self) -> tuple[Any, ...]:
        settings, template = self.sql()["settings"], self.template()
        scaling = template["scaling"]
        return (
            settings["tier"], settings["availabilityType"], self.machine()["machineType"].rpartition("/")[2],
            scaling.get("minInstanceCount", 0), scaling["maxInstanceCount"],
            template["containers"][0]["resources"]["limits"]["cpu"],
        )  # fmt: skip

    def identities(self) -> tuple[str, ...]:
        """Of what must never be another one."""
        return (self.machine()["id"], self.disk()["id"], self.sql()["createTime"])

    def _compute(self, path: str) -> dict[str, Any]:
        return dict(self.cloud.ask("GET", f"/compute/compute/v1/projects/proj-1/zones/{ZONE}/{path}"))


def changing(cloud: Rehearsed, since: int) -> list[str]:
    """The calls on Neo4j's machine that change it, in order."""
    verbs = [r["path"].rpartition("/")[2] for r in cloud.requests(since) if r["mutates"] and r["service"] == "compute"]
    return [verb for verb in verbs if verb in ("stop", "setMachineType", "setMetadata", "start")]


def refused_untouched(memdeploy: Memdeploy, cloud: Rehearsed, *line: str) -> dict[str, Any]:
    """The one error of `plan`, the same of `up`; nothing was changed."""
    since = cloud.last_request()
    [planned] = memdeploy("plan", *line, expect=3).json["errors"]
    [error] = memdeploy("up", "--yes", *line, expect=3).json["errors"]
    assert error == planned
    assert [request for request in cloud.requests(since) if request["mutates"]] == []
    return dict(error)


def test_up_and_down_the_profiles_in_place(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP, "--profile", "small")
    live = Live(memdeploy, cloud)
    before, disks = live.identities(), []
    for profile in ("standard", "production", "standard"):
        planned = {a["step"]: a for a in memdeploy("plan", "--profile", profile).data["actions"]}
        effects = {c["path"]: c["effect"] for a in planned.values() for c in a.get("changes", ())}
        assert set(effects.values()) <= {"in-place", "restart"}, effects
        assert (effects["postgres.tier"], effects["neo4j.machine"]) == ("restart", "restart")
        assert {step for step, action in planned.items() if "restart" in action} == {"postgres.instance", "neo4j.vm"}
        since = cloud.last_request()
        memdeploy("up", "--yes", "--profile", profile)
        assert live.sizes() == SIZES[profile]
        assert live.machine()["status"] == "RUNNING"
        assert changing(cloud, since) == ["stop", "setMachineType", "setMetadata", "start"]
        assert live.identities() == before
        assert not memdeploy("plan", "--exit-code").data["pending"]
        disks.append((int(live.sql()["settings"]["dataDiskSizeGb"]), int(live.disk()["sizeGb"])))
    assert disks == [(10, 20), (20, 50), (20, 50)]  # what grew stays


def test_what_stays_larger_is_said_and_paid_for(memdeploy: Memdeploy) -> None:
    memdeploy(*UP, "--profile", "production")
    planned = {a["step"]: a for a in memdeploy("plan", "--profile", "standard", "--costs").data["actions"]}
    assert planned["neo4j.disk"]["action"] == "unchanged"
    assert "50 GB" in planned["neo4j.disk"]["reason"]
    assert "20 GB" in planned["postgres.instance"]["reason"]
    costs = memdeploy("plan", "--profile", "standard", "--costs").data["costs"]["lines"]
    assert {(line["what"], line["quantity"]) for line in costs} >= {("data disk", 50), ("Cloud SQL storage", 20)}
    said = memdeploy("plan", "--profile", "standard", json_output=False).stdout
    assert "stays at 50 GB" in said


def test_the_plan_says_what_does_not_answer_meanwhile(memdeploy: Memdeploy) -> None:
    memdeploy(*UP)
    planned = {a["step"]: a for a in memdeploy("plan", "--profile", "production").data["actions"]}
    assert planned["neo4j.vm"]["restart"] == {"unreachable": "memories cannot be stored or found", "seconds": 150.0}
    assert planned["postgres.instance"]["restart"]["seconds"] > 0
    said = " ".join(memdeploy("plan", "--profile", "production", json_output=False).stdout.split())
    assert "neo4j.vm restarts: memories cannot be stored or found for about 2 min" in said
    assert "postgres.instance restarts: MemMachine answers no call for about 3 min" in said


@pytest.mark.parametrize("option", ["--neo4j-disk-gb", "--postgres-disk-gb"])
def test_a_disk_that_shall_shrink_is_refused_before_anything(
    memdeploy: Memdeploy, cloud: Rehearsed, option: str
) -> None:
    memdeploy(*UP, option, "40")
    error = refused_untouched(memdeploy, cloud, option, "30", "--profile", "production")
    assert error["code"] == "forbidden-change"
    assert error["step"] in ("neo4j.disk", "postgres.instance")
    assert "cannot change from 40 to 30: a disk can only be made larger" in error["message"]


def test_a_larger_disk_reaches_its_file_system(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    """It grows while it is mounted at a boot, so the machine boots, and the plan says so."""
    memdeploy(*UP)
    live = Live(memdeploy, cloud)
    planned = {a["step"]: a for a in memdeploy("plan", "--neo4j-disk-gb", "30").data["actions"]}
    assert (planned["neo4j.disk"]["action"], "restart" in planned["neo4j.vm"]) == ("change", True)
    since = cloud.last_request()
    memdeploy("up", "--yes", "--neo4j-disk-gb", "30")
    assert live.disk()["sizeGb"] == "30"
    assert changing(cloud, since) == ["stop", "setMetadata", "start"]


@pytest.mark.parametrize(
    "point",
    ["after-call:neo4j.vm:stop", "after-outcome:neo4j.vm:stop", "after-answer:neo4j.vm:setMachineType",
     "after-outcome:neo4j.vm:setMetadata", "before-intent:neo4j.vm:start"],
)  # fmt: skip
def test_killed_between_stop_and_start_the_next_up_ends_with_a_running_machine(
    memdeploy: Memdeploy, cloud: Rehearsed, point: str
) -> None:
    memdeploy(*UP)
    live = Live(memdeploy, cloud)
    before = live.identities()
    killed = memdeploy("up", "--yes", "--profile", "production", expect=None, extra={CRASH: point})
    assert killed.code == -9
    assert live.machine()["status"] != "RUNNING"
    memdeploy("up", "--yes", "--profile", "production")
    assert live.machine()["status"] == "RUNNING"
    assert live.sizes() == SIZES["production"]
    assert live.identities() == before
    assert not memdeploy("plan", "--exit-code").data["pending"]


def test_killed_in_the_middle_another_wish_is_met_as_well(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    """Back to what it was: the stopped machine is only started."""
    memdeploy(*UP)
    point = {CRASH: "after-outcome:neo4j.vm:stop"}
    assert memdeploy("up", "--yes", "--neo4j-machine", "e2-standard-2", expect=None, extra=point).code == -9
    memdeploy("up", "--yes", "--neo4j-machine", "e2-medium")
    live = Live(memdeploy, cloud)
    assert (live.machine()["status"], live.sizes()[2]) == ("RUNNING", "e2-medium")


def test_a_larger_machine_without_quota_is_refused_while_the_old_one_runs(
    memdeploy: Memdeploy, cloud: Rehearsed
) -> None:
    memdeploy(*UP)
    since = cloud.last_request()
    [error] = memdeploy("up", "--yes", "--neo4j-machine", "e2-standard-32", expect=3).json["errors"]
    assert "CPUS" in error["message"]
    assert "30 needed" in error["message"]
    assert [request for request in cloud.requests(since) if request["mutates"]] == []
