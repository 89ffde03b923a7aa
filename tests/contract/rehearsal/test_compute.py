"""Compute Engine and Service Networking through the real client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from googleapiclient.errors import HttpError

from memdeploy.rehearsal import identity
from memdeploy.rehearsal.rules import holds
from tests.contract.rehearsal.embedded import NUMBER, PROJECT, REGION, Embedded, embedded
from tests.contract.rehearsal.worlds import rehearsed

ZONE = f"{REGION}-a"
NETWORK = f"projects/{PROJECT}/global/networks/net"
SUBNET = f"projects/{PROJECT}/regions/{REGION}/subnetworks/sub"
POLICY = f"projects/{PROJECT}/regions/{REGION}/resourcePolicies/daily"
DISK = f"projects/{PROJECT}/zones/{ZONE}/disks/data"
PEERED = f"projects/{NUMBER}/global/networks/net"
SERVICE = "services/servicenetworking.googleapis.com"
SCHEDULE = {"schedule": {"dailySchedule": {"daysInCycle": 1, "startTime": "04:00"}}}


class Compute:
    """Calls in a form that says little: `do` waits for the operation, `refused` gives the error."""

    def __init__(self, cloud: Embedded) -> None:
        self.cloud, self.api = cloud, cloud.api("compute", "v1")

    def __call__(self, method: str, **parameters: Any) -> Any:
        collection, _, leaf = method.partition(".")
        place = {"region": REGION} if collection in ("subnetworks", "addresses", "resourcePolicies") else {}
        place |= {"zone": ZONE} if collection in ("disks", "instances") else {}
        return getattr(getattr(self.api, collection)(), leaf)(project=PROJECT, **place, **parameters)

    def get(self, method: str, **parameters: Any) -> dict[str, Any]:
        found: dict[str, Any] = self(method, **parameters).execute()
        return found

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        operation = self.get(method, **parameters)
        assert operation["status"] in ("PENDING", "RUNNING")
        self.cloud.clock.advance(100)
        return self.look(operation)

    def look(self, operation: dict[str, Any]) -> dict[str, Any]:
        path = operation["selfLink"].partition("/compute/v1/")[2]
        return json.loads(self.cloud.http("GET", f"/compute/compute/v1/{path}")[2])

    def refused(self, method: str, **parameters: Any) -> tuple[int, str]:
        with pytest.raises(HttpError) as refused:
            self.get(method, **parameters)
        error = json.loads(refused.value.content)["error"]
        assert "status" not in error
        return error["code"], error["errors"][0]["reason"]

    def network(self) -> None:
        self.do("networks.insert", body={"name": "net", "autoCreateSubnetworks": False})
        range_ = {"name": "range", "purpose": "VPC_PEERING", "addressType": "INTERNAL", "network": NETWORK}
        self.do("globalAddresses.insert", body={**range_, "address": "10.70.0.0", "prefixLength": 16})
        self.do("subnetworks.insert", body={"name": "sub", "network": NETWORK, "ipCidrRange": "10.71.0.0/24"})

    def machine(self, **changes: Any) -> dict[str, Any]:
        disk = {"source": DISK, "deviceName": "neo4j-7", "autoDelete": False}
        image = {"sourceImage": "projects/cos-cloud/global/images/family/cos-stable", "diskSizeGb": "10"}
        items = [{"key": "startup-script", "value": "#!/bin/sh\n"}, {"key": "enable-guest-attributes", "value": "TRUE"}]
        return {
            "name": "vm",
            "machineType": f"zones/{ZONE}/machineTypes/e2-medium",
            "disks": [{"boot": True, "autoDelete": True, "initializeParams": image}, disk],
            "networkInterfaces": [{"subnetwork": SUBNET, "networkIP": "10.71.0.2"}],
            "metadata": {"items": items},
            **changes,
        }

    def prepared(self) -> None:
        """Everything that the machine needs."""
        self.network()
        self.do("resourcePolicies.insert", body={"name": "daily", "snapshotSchedulePolicy": SCHEDULE})
        self.do("disks.insert", body={"name": "data", "sizeGb": "20", "labels": {"a": "b"}})
        address = {"name": "addr", "addressType": "INTERNAL", "purpose": "GCE_ENDPOINT", "subnetwork": SUBNET}
        self.do("addresses.insert", body=address)


@pytest.fixture
def compute(tmp_path: Path) -> Iterator[Compute]:
    with embedded(tmp_path) as cloud:
        yield Compute(cloud)


@pytest.fixture
def running(compute: Compute) -> Compute:
    compute.prepared()
    done = compute.do("instances.insert", body=compute.machine())
    assert (done["status"], done.get("error")) == ("DONE", None)
    return compute


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


@pytest.mark.parametrize("cidr", ["10.70.3.0/24", "10.71.0.128/25", "8.8.8.0/24", "10.71.0.1/24", "10.72.0.0/30"])
def test_a_subnet_overlaps_nothing_and_is_a_private_range(compute: Compute, cidr: str) -> None:
    compute.network()
    assert compute.refused("subnetworks.insert", body={"name": "b", "network": NETWORK, "ipCidrRange": cidr})[0] == 400


def test_a_network_in_use_stays(compute: Compute) -> None:
    compute.network()
    assert compute.refused("networks.delete", network="net") == (400, "resourceInUseByAnotherResource")


def test_cloud_run_holds_a_subnet_for_hours(compute: Compute) -> None:
    compute.network()
    cloud = compute.cloud
    with cloud.store.transaction():
        holds.hold(cloud.app.cloud, SUBNET, "projects/p/locations/r/services/s", holds.DIRECT_VPC)
    assert compute.refused("subnetworks.delete", subnetwork="sub") == (400, "resourceInUseByAnotherResource")
    cloud.clock.advance(holds.DIRECT_VPC + 1)
    assert compute.do("subnetworks.delete", subnetwork="sub")["status"] == "DONE"
    assert compute.refused("subnetworks.get", subnetwork="sub") == (404, "notFound")


def test_firewalls_are_patched_and_need_one_kind_of_target(compute: Compute) -> None:
    compute.network()
    body = {"name": "bolt", "network": NETWORK, "allowed": [{"IPProtocol": "tcp", "ports": ["7687"]}]}
    both = {**body, "targetTags": ["a"], "targetServiceAccounts": ["a@b"]}
    assert compute.refused("firewalls.insert", body=both)[0] == 400
    compute.do("firewalls.insert", body={**body, "sourceRanges": ["10.71.0.0/24"]})
    compute.do("firewalls.patch", firewall="bolt", body={"sourceRanges": ["10.71.1.0/24"]})
    live = compute.get("firewalls.get", firewall="bolt")
    assert (live["sourceRanges"], live["allowed"]) == (["10.71.1.0/24"], body["allowed"])


def test_addresses_are_free_ones_and_take_labels_later(compute: Compute) -> None:
    compute.network()
    body = {"addressType": "INTERNAL", "purpose": "GCE_ENDPOINT", "subnetwork": SUBNET}
    compute.do("addresses.insert", body={**body, "name": "a", "labels": {"x": "y"}})
    first = compute.get("addresses.get", address="a")
    assert (first["address"], first["status"], first.get("labels")) == ("10.71.0.2", "RESERVED", None)
    assert compute.refused("addresses.insert", body={**body, "name": "b", "address": "10.71.0.2"})[0] == 400
    wanted = {"labels": {"x": "y"}, "labelFingerprint": "old"}
    assert compute.refused("addresses.setLabels", resource="a", body=wanted) == (412, "conditionNotMet")
    compute.do("addresses.setLabels", resource="a", body={**wanted, "labelFingerprint": first["labelFingerprint"]})
    assert compute.get("addresses.get", address="a")["labels"] == {"x": "y"}


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


def connect(compute: Compute, **changes: Any) -> dict[str, Any]:
    networking = compute.cloud.api("servicenetworking", "v1")
    body = {"network": PEERED, "reservedPeeringRanges": ["range"], **changes}
    connections = networking.services().connections()
    request = connections.patch(name=f"{SERVICE}/connections/-", updateMask="reservedPeeringRanges", body=body)
    operation = request.execute()
    compute.cloud.clock.advance(100)
    done: dict[str, Any] = networking.operations().get(name=operation["name"]).execute()
    return done


def test_a_peering_holds_network_and_range(compute: Compute) -> None:
    compute.network()
    assert connect(compute)["response"]["peering"] == "servicenetworking-googleapis-com"
    assert compute.get("networks.get", network="net")["peerings"][0]["state"] == "ACTIVE"
    for method, name in (("networks.delete", {"network": "net"}), ("globalAddresses.delete", {"address": "range"})):
        assert compute.refused(method, **name) == (400, "resourceInUseByAnotherResource")
    compute.do("networks.removePeering", network="net", body={"name": "servicenetworking-googleapis-com"})
    assert compute.do("globalAddresses.delete", address="range")["status"] == "DONE"


@pytest.mark.parametrize(
    "change", [{"network": f"projects/{PROJECT}/global/networks/net"}, {"reservedPeeringRanges": ["other"]}]
)
def test_a_peering_wants_the_number_and_ranges_that_are_there(compute: Compute, change: dict[str, Any]) -> None:
    compute.network()
    with pytest.raises(HttpError, match="400"):
        connect(compute, **change)


def test_a_connection_in_use_ends_its_deletion_with_code_9(compute: Compute) -> None:
    compute.network()
    connect(compute)
    compute.cloud.put("sqladmin", "Instance", f"projects/{PROJECT}/instances/db", {}, vpc=NETWORK)
    networking = compute.cloud.api("servicenetworking", "v1")
    name = f"{SERVICE}/connections/servicenetworking-googleapis-com"
    request = networking.services().connections().deleteConnection(name=name, body={"consumerNetwork": PEERED})
    operation = request.execute()
    compute.cloud.clock.advance(100)
    done = networking.operations().get(name=operation["name"]).execute()
    assert done["error"]["code"] == 9
    found = networking.services().connections().list(parent=SERVICE, network=PEERED).execute()
    assert found["connections"][0]["reservedPeeringRanges"] == ["range"]


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


def test_an_auto_mode_network_has_a_subnet_in_every_region_and_takes_them_with_it(compute: Compute) -> None:
    """https://cloud.google.com/vpc/docs/subnets#ip-ranges"""
    compute.do("networks.insert", body={"name": "auto", "autoCreateSubnetworks": True})
    network = compute.get("networks.get", network="auto")
    assert network["autoCreateSubnetworks"]
    assert len(network["subnetworks"]) == len(compute.api.regions().list(project=PROJECT).execute()["items"])
    subnet = compute.get("subnetworks.get", subnetwork="auto")
    assert (subnet["ipCidrRange"], subnet["region"].rsplit("/", 1)[-1]) == ("10.128.0.0/20", REGION)
    address = {"name": "a", "addressType": "INTERNAL", "subnetwork": f"regions/{REGION}/subnetworks/auto"}
    compute.do("addresses.insert", body=address)
    assert compute.refused("networks.delete", network="auto") == (400, "resourceInUseByAnotherResource")
    compute.do("addresses.delete", address="a")
    compute.do("networks.delete", network="auto")
    assert compute.refused("subnetworks.get", subnetwork="auto")[0] == 404


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
