"""Internal addresses (regional) and allocated ranges (global). https://cloud.google.com/vpc/docs/ip-addresses"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Any

from memdeploy.rehearsal.call import Call, Handler
from memdeploy.rehearsal.refusal import Refusal, invalid
from memdeploy.rehearsal.rules import compute_base as base
from memdeploy.rehearsal.rules import peerings
from memdeploy.rehearsal.rules.compute_networks import refuse_overlap
from memdeploy.rehearsal.store import Row

# https://cloud.google.com/vpc/docs/subnets#unusable-ip-addresses-in-every-subnet
FIRST_USABLE, LAST_UNUSABLE = 2, 2


def insert_global(call: Call) -> Mapping[str, Any]:
    """Only allocated ranges for private services access; external global addresses play no part here."""
    name = base.check_new(call, "addresses")
    if call.body.get("addressType") != "INTERNAL" or call.body.get("purpose") != "VPC_PEERING":
        raise Refusal(501, "UNIMPLEMENTED", "The rehearsal has global addresses with purpose VPC_PEERING only.")
    network = base.needed(call, call.body.get("network", ""), "network")
    length = int(call.body.get("prefixLength") or 0)
    if not 8 <= length <= 30:
        raise invalid(
            "Invalid value for field 'resource.prefixLength': required for purpose VPC_PEERING, from 8 to 30."
        )
    cidr = _chosen(call, network.name, length)
    body = {
        **_without_labels(call.body),
        "network": base.link(network.name),
        "address": str(cidr.network_address),
        "prefixLength": length,
        "status": "RESERVED",
    }
    return base.insert(call, "Address", name, body, uses=[network.name])


def _without_labels(body: Mapping[str, Any]) -> dict[str, Any]:
    """ "These can only be added or modified by the setLabels method" (discovery document, Address.labels)."""
    return {key: value for key, value in body.items() if key != "labels"}


def _chosen(call: Call, network: str, length: int) -> IPv4Network:
    if call.body.get("address"):
        try:
            cidr = IPv4Network(f"{call.body['address']}/{length}")
        except ValueError:
            raise invalid(f"Invalid value for field 'resource.address': '{call.body['address']}'.") from None
        refuse_overlap(call.cloud, network, cidr, "value for field 'resource.address'")
        return cidr
    for candidate in IPv4Network("10.0.0.0/8").subnets(new_prefix=length):
        try:
            refuse_overlap(call.cloud, network, candidate, "range")
        except Refusal:
            continue
        return candidate
    raise invalid("No free range of that size is left in 10.0.0.0/8.", reason="ipSpaceExhausted")


def insert_regional(call: Call) -> Mapping[str, Any]:
    name = base.check_new(call, "addresses")
    if call.body.get("addressType") != "INTERNAL":
        raise Refusal(501, "UNIMPLEMENTED", "The rehearsal has internal regional addresses only.")
    subnet = base.needed(call, call.body.get("subnetwork", ""), "subnetwork")
    address = pick(call, subnet, call.body.get("address"))
    body = {
        "purpose": "GCE_ENDPOINT",
        "networkTier": "PREMIUM",
        **_without_labels(call.body),
        "subnetwork": base.link(subnet.name),
        "address": address,
        "status": "RESERVED",
    }
    return base.insert(call, "Address", name, body, uses=[subnet.name])


def pick(call: Call, subnet: Row, wanted: str | None) -> str:
    """A free address of the subnet, or the wanted one if it is free."""
    cidr = IPv4Network(subnet.body["ipCidrRange"])
    taken = set(taken_in(call, subnet.name))
    if wanted:
        if ip_address(wanted) not in cidr:
            raise invalid(f"Invalid value for field 'resource.address': '{wanted}'. Must be in {cidr}.")
        if wanted in taken:
            raise invalid(f"Specified IP address is in-use and would result in a conflict: {wanted}.", reason="ipInUse")
        return wanted
    for candidate in _usable(cidr):
        if str(candidate) not in taken:
            return str(candidate)
    raise Refusal(
        400,
        "RESOURCE_EXHAUSTED",
        f"IP space of '{subnet.name}' is exhausted.",
        reason="ipSpaceExhausted",
    )


def taken_in(call: Call, subnet: str) -> Iterator[str]:
    for row in base.users(call.cloud, subnet):
        if row.type == "Address":
            yield row.body["address"]
        for interface in row.body.get("networkInterfaces") or ():
            yield interface.get("networkIP", "")


def reserved(call: Call, subnet: str, address: str) -> Row | None:
    """The reservation of this very address, if there is one."""
    rows = base.users(call.cloud, subnet)
    return next((r for r in rows if r.type == "Address" and r.body["address"] == address), None)


def _usable(cidr: IPv4Network) -> Iterator[IPv4Address]:
    for offset in range(FIRST_USABLE, cidr.num_addresses - LAST_UNUSABLE):
        yield cidr[offset]


def get(call: Call) -> Mapping[str, Any]:
    return show(call, base.existing(call, base.target(call, "addresses", "address")))


def list_(call: Call) -> Mapping[str, Any]:
    return base.listed(call, "addresses", "Address", show)


def aggregated(call: Call) -> Mapping[str, Any]:
    return base.aggregated(call, "addresses", "Address", show)


def show(call: Call, row: Row) -> Mapping[str, Any]:
    """RESERVING while the insert's operation runs (discovery document, Address.status)."""
    using = [base.link(user.name) for user in base.users(call.cloud, row.name)]
    live: dict[str, Any] = {"users": using, "status": "IN_USE"} if using else {}
    if not row.hidden.get(base.READY):
        live = {"status": "RESERVING"}
    return {**base.labelled(row.body), **live}


def delete(call: Call) -> Mapping[str, Any]:
    """An allocated range cannot go while the peering uses it."""
    row = base.existing(call, base.target(call, "addresses", "address"))
    for network in row.hidden.get("uses", ()):
        joined = peerings.connection(call.cloud, network)
        if joined and row.body["name"] in (joined.body.get("reservedPeeringRanges") or ()):
            raise base.in_use(row, f"{network}/peerings/servicenetworking-googleapis-com")
    return base.delete(call, row.name)


def set_labels(call: Call) -> Mapping[str, Any]:
    return base.set_labels(call, base.target(call, "addresses", "resource"))


RULES: Mapping[str, Handler] = {
    "compute.globalAddresses.insert": base.idempotent(insert_global),
    "compute.globalAddresses.get": get,
    "compute.globalAddresses.list": list_,
    "compute.globalAddresses.delete": base.idempotent(delete),
    "compute.globalAddresses.setLabels": set_labels,
    "compute.addresses.insert": base.idempotent(insert_regional),
    "compute.addresses.get": get,
    "compute.addresses.list": list_,
    "compute.addresses.aggregatedList": aggregated,
    "compute.addresses.delete": base.idempotent(delete),
    "compute.addresses.setLabels": base.idempotent(set_labels),
}
