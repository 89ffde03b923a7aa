"""Compute Engine through the real client: operations, disks, machines, metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from memdeploy.rehearsal import identity
from tests.contract.rehearsal.compute import NETWORK, POLICY, SUBNET, ZONE, Compute
from tests.contract.rehearsal.embedded import NUMBER, PROJECT, REGION, embedded
from tests.contract.rehearsal.worlds import rehearsed


def test_operations_go_through_their_states(compute: Compute) -> None:
    operation = compute.get("networks.insert", body={"name": "net", "autoCreateSubnetworks": False})
    states = [operation["status"]]
    for _ in range(2):
        compute.cloud.clock.advance(10)
        states.append(compute.look(operation)["status"])
    assert states == ["PENDING", "RUNNING", "DONE"]


@pytest.mark.parametrize("name", ["Net", "-net", "net_1", "n" * 64])
def test_names_have_a_form(compute: Compute, name: str) -> None:
    assert compute.refused("networks.insert", body={"name": name, "autoCreateSubnetworks": False}) == (400, "invalid")


def test_a_name_is_given_once_but_a_request_id_may_be_repeated(compute: Compute) -> None:
    body, id_ = {"name": "net", "autoCreateSubnetworks": False}, str(uuid4())
    first = compute.get("networks.insert", body=body, requestId=id_)
    assert compute.get("networks.insert", body=body, requestId=id_)["name"] == first["name"]
    assert compute.refused("networks.insert", body=body, requestId=str(uuid4())) == (409, "alreadyExists")
    assert compute.refused("networks.insert", body=body, requestId="no-uuid") == (400, "invalid")


def test_what_is_still_being_made_is_not_ready(compute: Compute) -> None:
    compute.get("networks.insert", body={"name": "net", "autoCreateSubnetworks": False})
    body = {"name": "sub", "network": NETWORK, "ipCidrRange": "10.71.0.0/24"}
    assert compute.refused("subnetworks.insert", body=body) == (400, "resourceNotReady")
    missing = {**body, "network": NETWORK + "2"}
    assert compute.refused("subnetworks.insert", body=missing) == (404, "notFound")


def test_a_disk_has_a_numeric_id_and_one_schedule(compute: Compute) -> None:
    compute.prepared()
    compute.do("disks.addResourcePolicies", disk="data", body={"resourcePolicies": [POLICY]})
    live = compute.get("disks.get", disk="data")
    assert live["id"].isdigit()
    assert live["resourcePolicies"][0].endswith(POLICY)
    refused = compute.refused("resourcePolicies.delete", resourcePolicy="daily")
    assert refused == (400, "resourceInUseByAnotherResource")


def test_a_machine_uses_its_disk_address_and_subnet(running: Compute) -> None:
    live = running.get("instances.get", instance="vm")
    assert (live["status"], live["networkInterfaces"][0]["networkIP"]) == ("RUNNING", "10.71.0.2")
    assert running.get("addresses.get", address="addr")["status"] == "IN_USE"
    assert running.get("disks.get", disk="data")["users"] == [live["selfLink"]]
    for method, name in (("disks.delete", {"disk": "data"}), ("addresses.delete", {"address": "addr"})):
        assert running.refused(method, **name) == (400, "resourceInUseByAnotherResource")
    other = running.machine(name="vm-2", networkInterfaces=[{"subnetwork": SUBNET}])
    assert running.refused("instances.insert", body=other) == (400, "resourceInUseByAnotherResource")


def test_the_machine_type_is_changed_while_it_is_stopped(running: Compute) -> None:
    larger = {"machineType": f"zones/{ZONE}/machineTypes/e2-standard-2"}
    assert running.refused("instances.setMachineType", instance="vm", body=larger) == (400, "invalidResourceUsage")
    running.do("instances.stop", instance="vm")
    for wrong in ("zones/us-east1-b/machineTypes/e2-medium", f"zones/{ZONE}/machineTypes/e2-huge", "e2-small"):
        body = {"machineType": wrong}
        assert running.refused("instances.setMachineType", instance="vm", body=body) == (400, "invalid")
    assert running.do("instances.setMachineType", instance="vm", body=larger)["operationType"] == "setMachineType"
    running.do("instances.start", instance="vm")
    found = running.get("instances.get", instance="vm")
    assert (found["status"], found["machineType"].rpartition("/")[2]) == ("RUNNING", "e2-standard-2")


def test_a_deleted_machine_takes_its_boot_disk_and_leaves_the_other(running: Compute) -> None:
    running.get("disks.get", disk="vm")
    assert running.do("instances.delete", instance="vm").get("error") is None
    assert running.refused("disks.get", disk="vm") == (404, "notFound")
    assert "users" not in running.get("disks.get", disk="data")


def test_a_protected_machine_is_not_deleted(compute: Compute) -> None:
    compute.prepared()
    compute.do("instances.insert", body=compute.machine(deletionProtection=True))
    assert compute.refused("instances.delete", instance="vm") == (400, "invalidResourceUsage")
    compute.do("instances.setDeletionProtection", resource="vm", deletionProtection=False)
    assert compute.do("instances.delete", instance="vm")["status"] == "DONE"


def test_metadata_is_replaced_under_its_fingerprint(running: Compute) -> None:
    live = running.get("instances.get", instance="vm")["metadata"]
    wanted = {"items": [{"key": "a", "value": "1"}], "fingerprint": live["fingerprint"]}
    running.do("instances.setMetadata", instance="vm", body=wanted)
    assert running.refused("instances.setMetadata", instance="vm", body=wanted) == (412, "conditionNotMet")
    assert running.get("instances.get", instance="vm")["metadata"]["items"] == wanted["items"]


def test_guest_attributes_are_not_there_before_the_first_write(compute: Compute) -> None:
    compute.prepared()
    compute.get("instances.insert", body=compute.machine())
    compute.cloud.clock.advance(26)
    assert compute.refused("instances.getGuestAttributes", instance="vm", queryPath="memdeploy/") == (404, "notFound")
    compute.cloud.clock.advance(100)
    found = compute.get("instances.getGuestAttributes", instance="vm", queryPath="memdeploy/phase")
    assert found["queryValue"]["items"] == [{"namespace": "memdeploy", "key": "phase", "value": "ready"}]


def test_guest_attributes_must_be_switched_on(compute: Compute) -> None:
    compute.prepared()
    compute.do("instances.insert", body=compute.machine(metadata={"items": []}))
    assert compute.refused("instances.getGuestAttributes", instance="vm")[0] == 403


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"machineType": f"zones/{ZONE}/machineTypes/e2-huge"}, 400),
        ({"machineType": "zones/us-east1-b/machineTypes/e2-medium"}, 400),
        ({"serviceAccounts": [{"email": f"nobody@{PROJECT}.iam.gserviceaccount.com", "scopes": []}]}, 400),
        ({"networkInterfaces": []}, 400),
        ({"disks": []}, 400),
        ({"metadata": {"items": [{"key": "a b", "value": ""}]}}, 400),
    ],
)
def test_refuses_machines_that_cannot_be(compute: Compute, change: dict[str, Any], code: int) -> None:
    compute.prepared()
    assert compute.refused("instances.insert", body=compute.machine(**change))[0] == code


def test_a_snapshot_outlives_its_disk(compute: Compute) -> None:
    compute.prepared()
    compute.do("disks.createSnapshot", disk="data", body={"name": "last", "labels": {"memdeploy": "x"}})
    compute.do("disks.delete", disk="data")
    live = compute.get("snapshots.get", snapshot="last")
    assert (live["status"], live["labels"]) == ("READY", {"memdeploy": "x"})


def test_quotas_are_those_of_the_world(tmp_path: Path) -> None:
    project = {
        "id": PROJECT,
        "number": int(NUMBER),
        "enabled": ["compute.googleapis.com"],
        "quotas": {REGION: {"CPUS": 1}},
    }
    with rehearsed(tmp_path, {"projects": [project]}) as cloud:
        compute = Compute(cloud)
        quotas = compute.get("regions.get", region=REGION)["quotas"]
        assert {"metric": "CPUS", "limit": 1, "usage": 0.0} in quotas
        compute.prepared()
        assert compute.refused("instances.insert", body=compute.machine()) == (403, "quotaExceeded")


def test_lists_understand_filters_and_refuse_what_they_do_not(compute: Compute) -> None:
    compute.prepared()
    assert [d["name"] for d in compute.get("disks.list", filter="labels.a=b")["items"]] == ["data"]
    assert "items" not in compute.get("disks.list", filter="name != data")
    assert compute.refused("disks.list", filter="name ~~ x")[0] == 400


METADATA = f"/_rehearsal/metadata/{PROJECT}/{ZONE}/vm/computeMetadata/v1"
FLAVOR = {"Metadata-Flavor": "Google"}


def test_a_machine_reads_its_metadata_and_writes_guest_attributes(running: Compute) -> None:
    http = running.cloud.http
    assert http("GET", f"{METADATA}/instance/name")[0] == 403
    assert http("GET", f"{METADATA}/instance/attributes/startup-script", headers=FLAVOR)[2] == b"#!/bin/sh\n"
    assert http("GET", f"{METADATA}/instance/attributes/none", headers=FLAVOR)[0] == 404
    device = json.loads(http("GET", f"{METADATA}/instance/disks/1/?recursive=true", headers=FLAVOR)[2])
    assert device["device-name"] == "neo4j-7"
    assert "id" not in device
    path = f"{METADATA}/instance/guest-attributes/memdeploy/error"
    assert http("PUT", path, body="disk", headers=FLAVOR)[0] == 200
    found = running.get("instances.getGuestAttributes", instance="vm", variableKey="memdeploy/error")
    assert found["variableValue"] == '"disk"'


def test_a_machine_gets_tokens_of_its_account(compute: Compute) -> None:
    compute.prepared()
    email = compute.cloud.account("neo")
    compute.do("instances.insert", body=compute.machine(serviceAccounts=[{"email": email, "scopes": []}]))
    path = f"{METADATA}/instance/service-accounts/default/token"
    token = json.loads(compute.cloud.http("GET", path, headers=FLAVOR)[2])["access_token"]
    with compute.cloud.store.transaction():
        assert identity.account_of(compute.cloud.app.cloud, token) == email


def test_organization_policies_are_answered_like_a_stale_fingerprint(tmp_path: Path) -> None:
    with embedded(tmp_path / "other", policies={"compute.disableGuestAttributesAccess": True}) as cloud:
        compute = Compute(cloud)
        compute.prepared()
        assert compute.refused("instances.insert", body=compute.machine()) == (412, "conditionNotMet")
        assert "error" not in compute.do("instances.insert", body=compute.machine(metadata={"items": []}))


def test_what_older_clients_ask_for_is_still_taken(compute: Compute) -> None:
    """gcloud 528 sends returnPartialSuccess with every list; the newest document has it no longer."""
    for path in ("global/networks?returnPartialSuccess=true", "aggregated/disks?returnPartialSuccess=true"):
        assert compute.cloud.http("GET", f"/compute/compute/v1/projects/{PROJECT}/{path}")[0] == 200
    assert compute.cloud.http("GET", f"/compute/compute/v1/projects/{PROJECT}/aggregated/disks?partial=1")[0] == 400


@pytest.mark.parametrize("image", ["global/images/family/cos-stable", "zones/-/imageFamilyViews/cos-stable"])
def test_a_public_image_is_named_by_family_or_its_view(compute: Compute, image: str) -> None:
    base = f"{compute.cloud.endpoint}/compute/compute/v1"
    disk = {"boot": True, "initializeParams": {"sourceImage": f"{base}/projects/cos-cloud/{image}"}}
    compute.network()
    machine = compute.machine(disks=[disk], networkInterfaces=[{"subnetwork": SUBNET}])
    assert compute.do("instances.insert", body=machine)["status"] == "DONE"


@pytest.mark.parametrize("labels", [{"a": "x/y"}, {"A": "x"}, {"a": "x" * 64}, {f"k{n}": "" for n in range(65)}])
def test_labels_that_are_refused(compute: Compute, labels: dict[str, str]) -> None:
    """https://cloud.google.com/resource-manager/docs/labels-overview#requirements"""
    assert compute.refused("disks.insert", body={"name": "d", "sizeGb": "10", "labels": labels}) == (400, "invalid")
