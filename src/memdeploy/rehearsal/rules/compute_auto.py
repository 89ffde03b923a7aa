"""Auto mode networks: a subnet of the network's name in every region, from 10.128.0.0/9.

https://cloud.google.com/vpc/docs/subnets#ip-ranges has the table.
"""

from __future__ import annotations

from collections.abc import Mapping

from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.rules import compute_base as base
from memdeploy.rehearsal.store import Row

# The second octet of each region's 10.x.0.0/20.
RANGES: Mapping[str, int] = {
    "us-central1": 128, "europe-west1": 132, "us-west1": 138, "asia-east1": 140, "us-east1": 142,
    "asia-northeast1": 146, "asia-southeast1": 148, "us-east4": 150, "australia-southeast1": 152,
    "europe-west2": 154, "europe-west3": 156, "southamerica-east1": 158, "asia-south1": 160,
    "northamerica-northeast1": 162, "europe-west4": 164, "europe-north1": 166, "us-west2": 168, "asia-east2": 170,
    "europe-west6": 172, "asia-northeast2": 174, "asia-northeast3": 178, "us-west3": 180, "us-west4": 182,
    "asia-southeast2": 184, "europe-central2": 186, "northamerica-northeast2": 188, "asia-south2": 190,
    "australia-southeast2": 192, "southamerica-west1": 194, "europe-west8": 198, "europe-west9": 200, "us-east5": 202,
    "europe-southwest1": 204, "us-south1": 206, "me-west1": 208, "europe-west12": 210, "me-central1": 212,
    "europe-west10": 214, "me-central2": 216, "africa-south1": 218, "northamerica-south1": 224, "europe-north2": 226,
}  # fmt: skip


def make_subnets(cloud: Cloud, network: Row) -> None:
    project, short = network.name.split("/")[1], network.name.rsplit("/", 1)[-1]
    for region, octet in RANGES.items():
        name = f"projects/{project}/regions/{region}/subnetworks/{short}"
        body = {
            "privateIpGoogleAccess": False,
            "stackType": "IPV4_ONLY",
            "purpose": "PRIVATE",
            "network": base.link(network.name),
            "ipCidrRange": f"10.{octet}.0.0/20",
            "gatewayAddress": f"10.{octet}.0.1",
            **base.made(cloud, name, "Subnetwork"),
        }
        row = Row(base.SERVICE, "Subnetwork", name, body, {"uses": [network.name], base.READY: True, "auto": True})
        cloud.store.put(row, cloud.now)


def subnets(cloud: Cloud, network: str) -> list[Row]:
    """Those that it made: they go with it."""
    return [row for row in base.users(cloud, network) if row.hidden.get("auto")]
