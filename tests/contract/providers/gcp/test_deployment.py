"""A deployment that stands: what was made, what a second run asks, what an edit changes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from memdeploy.engine.results import Action
from memdeploy.engine.step import State

from .deploying import PROJECT, Deploying

BASE = "support-memory-x7k2"


def changes(deployed: Deploying, since: int) -> list[tuple[str, str, str]]:
    requests = deployed.rehearsed.requests(since)
    return [(r["service"], r["method"], r["path"].split("?")[0]) for r in requests if r["mutates"]]


def machine(deployed: Deploying) -> dict[str, Any]:
    scope = deployed.cloud().scope
    found = scope.clients.compute("instances.get", project=PROJECT, zone=scope.zone, instance=f"{BASE}-neo")
    return {**found, "items": {i["key"]: i["value"] for i in found["metadata"]["items"]}}


def disk_labels(deployed: Deploying) -> dict[str, str]:
    scope = deployed.cloud().scope
    found = scope.clients.compute("disks.get", project=PROJECT, zone=scope.zone, disk=f"{BASE}-data")
    return dict(found["labels"])


def test_nothing_differs_once_it_is_up(deployed: Deploying) -> None:
    assert {name for name, seen in deployed.plan().items() if seen.state is not State.PRESENT} == set()


def test_a_second_run_reads_each_thing_once_and_changes_nothing(deployed: Deploying) -> None:
    before = deployed.rehearsed.last_request()

    result = deployed.up()

    assert result.error is None
    assert {step.action for step in result.steps} == {Action.UNCHANGED}
    assert changes(deployed, before) == []
    assert deployed.own.records["verify"].outputs["verified"] == "simulated"  # type: ignore[index]
    deployed.plan()
    since = deployed.rehearsed.last_request()
    deployed.plan()
    reads = Counter((r["service"], r["path"]) for r in deployed.rehearsed.requests(since))
    assert [path for path, times in reads.items() if times > 1] == []


def test_another_maximum_is_one_path_and_one_update(deployed: Deploying) -> None:
    edited = deployed.with_options(service={"instances": {"max": 9}})

    seen = {name: o.differences for name, o in edited.plan().items() if o.state is not State.PRESENT}
    assert list(seen) == ["service"]
    assert [(d.field, d.have, d.want) for d in seen["service"]] == [("service.instances.max", 4, 9)]

    before = deployed.rehearsed.last_request()
    assert edited.up().error is None
    path = f"/v2/projects/{PROJECT}/locations/us-central1/services/{BASE}-api"
    assert changes(deployed, before) == [("run", "PATCH", path)]
    assert deployed.up().error is None  # and back again, for the tests that follow


def test_the_disk_is_never_formatted_again_after_prepare(deployed: Deploying) -> None:
    assert "memdeploy-format" not in machine(deployed)["items"]
    assert disk_labels(deployed)["memdeploy-prepared"] == "true"
    assert deployed.plan()["neo4j.disk"].outputs["fresh"] is False  # type: ignore[index]


def test_a_machine_made_again_may_not_format(deployed: Deploying) -> None:
    before = deployed.rehearsed.last_request()

    scope = deployed.cloud().scope
    place = {"project": PROJECT, "zone": scope.zone}
    scope.clients.compute("instances.setDeletionProtection", **place, resource=f"{BASE}-neo", deletionProtection=False)
    scope.clients.compute("instances.delete", **place, instance=f"{BASE}-neo")
    again = deployed.up()

    assert again.error is None
    assert ("compute", "POST", f"/compute/v1/projects/{PROJECT}/zones/us-central1-a/instances") in changes(
        deployed, before
    )
    assert "memdeploy-format" not in machine(deployed)["items"]


def test_the_machine_is_closed_to_the_world(deployed: Deploying) -> None:
    found = machine(deployed)

    assert found["deletionProtection"] is True
    assert not found["networkInterfaces"][0].get("accessConfigs")
    assert found["items"]["block-project-ssh-keys"] == "TRUE"
    assert found["items"]["serial-port-enable"] == "FALSE"
    assert found["items"]["memdeploy-device"] == f"neo4j-{deployed.plan()['neo4j.disk'].outputs['id']}"  # type: ignore[index]


def test_no_secret_is_in_any_definition(deployed: Deploying) -> None:
    """Neither in the machine's metadata, nor in the service's or job's, nor in the journal."""
    scope = deployed.cloud().scope
    values = []
    for role in ("pg", "neo", "key", "tls"):
        name = f"projects/{PROJECT}/secrets/{BASE}-{role}/versions/1"
        payload = scope.clients.secrets("access_secret_version", name=name).payload.data.decode()
        values.append(payload.partition("-----BEGIN CERTIFICATE")[0].strip())
    service = scope.clients.run_services("get_service", name=f"{scope.names.location}/services/{BASE}-api")
    job = scope.clients.run_jobs("get_job", name=f"{scope.names.location}/jobs/{BASE}-prep")
    texts = [str(machine(deployed)), str(service), str(job), repr(deployed.own.records), repr(deployed.events)]

    assert len({*values}) == 4
    assert not [True for value in values for text in texts if value in text]
