"""Calls of Compute Engine by its real client, in a form that says little."""

from __future__ import annotations

import json
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.contract.rehearsal.embedded import NUMBER, PROJECT, REGION, Embedded

ZONE = f"{REGION}-a"
NETWORK = f"projects/{PROJECT}/global/networks/net"
SUBNET = f"projects/{PROJECT}/regions/{REGION}/subnetworks/sub"
POLICY = f"projects/{PROJECT}/regions/{REGION}/resourcePolicies/daily"
DISK = f"projects/{PROJECT}/zones/{ZONE}/disks/data"
PEERED = f"projects/{NUMBER}/global/networks/net"
SERVICE = "services/servicenetworking.googleapis.com"
SCHEDULE = {"schedule": {"dailySchedule": {"daysInCycle": 1, "startTime": "04:00"}}}


class Compute:
    """`do` waits for the operation, `refused` gives the error."""

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
