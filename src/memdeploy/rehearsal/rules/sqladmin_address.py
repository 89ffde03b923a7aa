"""Private addresses of Cloud SQL instances: the peering that must be there first, and the address out of its range."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from memdeploy.rehearsal.call import Call
from memdeploy.rehearsal.rules import peerings
from memdeploy.rehearsal.rules.sqladmin_base import INSTANCE, SERVICE, bad_request


def allocate(call: Call, name: str, body: Mapping[str, Any]) -> dict[str, str]:
    """`network` (key of the peering network), `cidr`, `vpc` and `address` for a private instance.

    Refused without a peering: `Incorrect Service Networking config for instance: …:NETWORK_NOT_PEERED`
    (terraform-google-modules/terraform-google-sql-db#281). A range is cut into one /24 a region
    (https://cloud.google.com/sql/docs/postgres/configure-private-services-access); instances start at .3 in it.
    """
    settings = body["settings"]["ipConfiguration"]
    peering = peerings.peering(call.cloud, settings["privateNetwork"])
    if peering is None or not peering.ranges:
        trouble = f"{call.project.id}:{name}:NETWORK_NOT_PEERED"
        raise bad_request(f"Incorrect Service Networking config for instance: {trouble}")
    wanted = settings.get("allocatedIpRange")
    ranges = {wanted: peering.ranges[wanted]} if wanted in peering.ranges else {} if wanted else peering.ranges
    taken = _taken(call)
    for cidr in ranges.values():
        for address in _candidates(cidr, body["region"], taken):
            return {"network": peering.key, "cidr": cidr, "vpc": peering.network, "address": address}
    if wanted and not ranges:
        raise bad_request(f"Allocated IP range {wanted} is not part of the network's service networking connection")
    raise bad_request("Couldn't find free blocks in allocated IP ranges. Please allocate new ranges for this network")


def _taken(call: Call) -> dict[str, str]:
    """Address -> region, of all instances in all projects."""
    rows = call.store.below(SERVICE, "", INSTANCE)
    return {row.hidden["address"]: row.body["region"] for row in rows if row.hidden.get("address")}


def _candidates(cidr: str, region: str, taken: Mapping[str, str]) -> Iterator[str]:
    network = ipaddress.ip_network(cidr)
    for block in network.subnets(new_prefix=24) if network.prefixlen < 24 else (network,):
        others = {where for address, where in taken.items() if ipaddress.ip_address(address) in block}
        if others - {region}:
            continue
        free = (str(address) for index, address in enumerate(block.hosts(), 1) if index >= 3)
        yield from (address for address in free if address not in taken)
