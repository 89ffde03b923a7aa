"""What a newcomer does first, and what is told once it is over."""

from __future__ import annotations

import json

import jsonschema

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed


def test_the_file_that_init_writes_is_all_that_plan_and_up_need(memdeploy: Memdeploy) -> None:
    written = memdeploy.folder / "memdeploy.yaml"
    init = ("init", "--provider", "gcp", "--project", "proj-1", "--name", "first", "--profile", "small", "--schema")
    assert memdeploy(*init).data["files"] == [str(written), str(written.with_name("memdeploy.schema.json"))]
    jsonschema.Draft202012Validator.check_schema(json.loads(written.with_name("memdeploy.schema.json").read_text()))

    assert memdeploy("doctor").json["status"] == "success"
    planned = memdeploy("plan", "--file", "memdeploy.yaml").data
    assert (planned["deployment"], planned["target"], planned["profile"]) == (
        "first",
        "gcp proj-1/us-central1",
        "small",
    )
    assert memdeploy("up", "--yes").data["verified"] == "simulated"
    assert memdeploy("plan", "--exit-code").data["pending"] is False
    assert memdeploy("status").data["health"] == "healthy"


def test_after_destroy_status_says_what_to_do_and_not_that_things_are_wrong(
    memdeploy: Memdeploy, cloud: Rehearsed
) -> None:
    memdeploy(*UP)
    memdeploy("destroy", "--yes")
    kept = memdeploy("status", json_output=False).stdout
    assert "only the data is kept" in kept
    assert "the others are removed" in kept
    assert "not as wanted" not in kept

    suffix = memdeploy.journal()["suffix"]
    cloud.hold(f"projects/proj-1/regions/us-central1/subnetworks/memmachine-{suffix}-net")
    memdeploy("destroy", "--delete-data", "--no-final-backup", "--yes", expect=11)
    held = memdeploy("status").data
    assert held["status"] == "leftovers"
    assert "memdeploy destroy --finish" in held["reason"]
    assert memdeploy("destroy", "--finish", expect=11).data["finish"].startswith("memdeploy destroy --finish")
    cloud.let_go()
    assert memdeploy("destroy", "--finish").data["leftovers"] == []
    memdeploy("destroy", "--shared", "--yes")
    assert [one["status"] for one in memdeploy("list").data["deployments"]] == ["destroyed"]
