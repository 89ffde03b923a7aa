"""`up`, again and after an edit: nothing is done twice, and a change is exactly the change."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

#: Looked at anew by each run, and no resource of the deployment.
_PREFLIGHT = re.compile(
    r"cloudresourcemanager\.|cloudbilling\.|serviceusage\.|oauth2\.|iamcredentials\.|compute\.projects\.get"
)

YAML = """\
version: 1
name: support
provider: gcp
gcp: {project: proj-1, region: europe-west1}
service: {instances: {max: %d}}
"""


def of_resources(requests: list[dict[str, object]]) -> list[tuple[str, str, str]]:
    """What was asked of resources: service, verb and path; the service's own front end is no API."""
    found = []
    for request in requests:
        method = f"{request['service']}.{request['path']}"
        if str(request["path"]).startswith("/_service") or request["service"] in ("_service", "front"):
            continue
        if not _PREFLIGHT.search(f"{method} {request['service']}."):
            found.append((str(request["service"]), str(request["method"]), str(request["path"])))
    return found


def test_a_second_up_reads_each_resource_once_and_changes_nothing(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP)
    since = cloud.last_request()
    again = memdeploy("up", "--yes")
    steps = {step["name"]: step["status"] for step in again.data["steps"]}
    assert set(steps.values()) == {"unchanged"}, steps
    asked = cloud.requests(since)
    assert asked
    assert [r for r in asked if r["mutates"] and r["service"] != "_service"] == []
    counted = Counter(of_resources(asked))
    assert {key: n for key, n in counted.items() if n > 1} == {}


def test_an_edit_is_planned_as_exactly_that_and_done_in_place(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    file = memdeploy.folder / "memdeploy.yaml"
    file.write_text(YAML % 4)
    memdeploy("up", "--yes")
    assert memdeploy("plan", "--exit-code").data["counts"]["change"] == 0
    file.write_text(YAML % 7)
    planned = memdeploy("plan", "--exit-code", expect=10)
    changes = [change for action in planned.data["actions"] for change in action.get("changes", [])]
    assert [(c["path"], c["old"], c["new"], c["effect"]) for c in changes] == [
        ("service.instances.max", 4, 7, "in-place")
    ]
    since = cloud.last_request()
    done = memdeploy("up", "--yes")
    assert {s["name"] for s in done.data["steps"] if s["status"] == "updated"} == {"service"}
    changed = [r for r in cloud.requests(since) if r["mutates"] and r["service"] not in ("_service", "iamcredentials")]
    assert [(r["service"], r["method"]) for r in changed] == [("run", "PATCH")]
    assert memdeploy("plan", "--exit-code").code == 0


def test_a_label_of_the_users_own_is_changed_where_it_is(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    """Each kind of thing has its own call for that, or its labels go with a patch. What is made once and replaced keeps
    its own until then: a revision, the job and its executions, the boot disk of the machine."""
    memdeploy(*UP, "--label", "team=one")
    done = memdeploy("up", "--yes", "--label", "team=two")
    changed = {step["name"] for step in done.data["steps"] if step["status"] == "updated"}
    assert changed >= {"neo4j.vm", "neo4j.disk", "postgres.instance", "service", "secret.postgres"}
    kept = [item for item in cloud.inventory() if (item["labels"] or {}).get("team") == "one"]
    assert {item["type"] for item in kept} <= {"Revision", "Execution", "Job", "Disk"}
    assert [item["name"] for item in kept if item["type"] == "Disk" and not item["name"].endswith("-neo")] == []
    assert memdeploy("plan", "--exit-code").data["pending"] is False


@pytest.mark.parametrize("provider", ["aws", "azure"])
def test_another_provider_is_not_in_this_version(memdeploy: Memdeploy, provider: str) -> None:
    refused = memdeploy("up", "--yes", "--provider", provider, expect=2)
    assert refused.json["errors"][0]["code"] == "not-in-this-version"
    assert not memdeploy.state.exists() or not list(memdeploy.state.glob("memmachine"))


def test_a_flag_cannot_contradict_what_a_deployment_is(memdeploy: Memdeploy) -> None:
    memdeploy(*UP)
    moved = memdeploy("up", "--yes", "--project", "proj-2", expect=2)
    assert moved.json["errors"][0]["code"] == "identity"
