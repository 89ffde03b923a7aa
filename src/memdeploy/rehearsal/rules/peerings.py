"""Networks, subnets and private services access, as the rules of other services see them. Read-only but for holds.

Rows: compute `Network` `projects/p/global/networks/n` and `Subnetwork` `projects/p/regions/r/subnetworks/s`; global
addresses `projects/p/global/addresses/a`; servicenetworking `Connection`, whose body names network and ranges.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.store import Row

COMPUTE, SERVICE_NETWORKING = "compute", "servicenetworking"


@dataclass(frozen=True)
class Peering:
    """`key` names the peering network for the backing; `ranges` maps an allocated range's name to its CIDR."""

    network: str
    key: str
    ranges: Mapping[str, str]


def resource(cloud: Cloud, link: str, default_project: str = "") -> str:
    """`https://…/compute/v1/projects/123/global/networks/n`, `projects/p/…` or `global/…` -> by the project's id."""
    path = link[link.index("projects/") :] if "projects/" in link else f"projects/{default_project}/{link.strip('/')}"
    _, sent, rest = path.split("/", 2)
    project = cloud.project(sent)
    return f"projects/{project.id if project else sent}/{rest}"


def network(cloud: Cloud, link: str, default_project: str = "") -> Row | None:
    """A network by link or, within `default_project`, by its bare name."""
    full = f"global/networks/{link}" if re.fullmatch(r"[a-z0-9-]+", link) else link
    return _ready(cloud.store.get(COMPUTE, resource(cloud, full, default_project)))


def subnetwork(cloud: Cloud, link: str, project: str, region: str) -> Row | None:
    full = f"regions/{region}/subnetworks/{link}" if re.fullmatch(r"[a-z0-9-]+", link) else link
    return _ready(cloud.store.get(COMPUTE, resource(cloud, full, project)))


def connection(cloud: Cloud, network_name: str) -> Row | None:
    """The service networking connection of a network (its name with the project's id)."""
    rows = cloud.store.below(SERVICE_NETWORKING, "", "Connection")
    return next((row for row in rows if resource(cloud, row.body["network"]) == network_name), None)


def peering(cloud: Cloud, network_link: str) -> Peering | None:
    row = network(cloud, network_link)
    joined = connection(cloud, row.name) if row else None
    if row is None or joined is None:
        return None
    project = row.name.split("/")[1]
    ranges = {}
    for name in joined.body.get("reservedPeeringRanges") or ():
        address = cloud.store.get(COMPUTE, f"projects/{project}/global/addresses/{name}")
        if address is not None:
            ranges[name] = f"{address.body['address']}/{address.body['prefixLength']}"
    return Peering(row.name, peering_key(row.name), ranges)


def peering_key(network_name: str) -> str:
    """How the backing knows the peered network: by the peering's name inside the network."""
    return f"{network_name}/peerings/servicenetworking-googleapis-com"


def _ready(row: Row | None) -> Row | None:
    """What is still being made is not there yet for others."""
    return row if row is not None and row.hidden.get("ready", True) else None
