"""Networks, ranges and addresses of Compute Engine, and Service Networking's peering, through the real clients."""

from __future__ import annotations

from typing import Any

import pytest
from googleapiclient.errors import HttpError

from memdeploy.rehearsal.rules import holds
from tests.contract.rehearsal.compute import NETWORK, PEERED, SERVICE, SUBNET, Compute
from tests.contract.rehearsal.embedded import PROJECT, REGION


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
