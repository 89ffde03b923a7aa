"""Networks and subnetworks. https://cloud.google.com/vpc/docs/subnets"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any

from memdeploy.rehearsal.call import Call, Cloud, Handler
from memdeploy.rehearsal.operations import Finisher, Operation, Outcome
from memdeploy.rehearsal.refusal import Refusal, invalid, not_found
from memdeploy.rehearsal.rules import compute_auto, compute_quotas, holds, peerings
from memdeploy.rehearsal.rules import compute_base as base
from memdeploy.rehearsal.store import Row

PEERING = "servicenetworking-googleapis-com"
PEERED = {
    "name": PEERING,
    "state": "ACTIVE",
    "stateDetails": "[Connected].",
    "autoCreateRoutes": True,
    "exchangeSubnetRoutes": True,
    "network": base.link("projects/servicenetworking/global/networks/servicenetworking"),
}
RFC1918 = [IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]


def insert_network(call: Call) -> Mapping[str, Any]:
    name = base.check_new(call, "networks")
    auto = call.body.get("autoCreateSubnetworks", True) is not False
    if auto and call.backing.name != "none":
        text = "With containers the rehearsal has custom-mode networks only (autoCreateSubnetworks: false)."
        raise Refusal(501, "UNIMPLEMENTED", text)
    compute_quotas.check(call, "NETWORKS")
    body = {"mtu": 1460, "routingConfig": {"routingMode": "REGIONAL"}, **call.body, "autoCreateSubnetworks": auto}
    return base.insert(call, "Network", name, body, finisher="network")


def finish_network(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(base.SERVICE, operation.target)
    if row is not None and row.body["autoCreateSubnetworks"]:
        compute_auto.make_subnets(cloud, row)
    return base.mark_ready(cloud, operation)


def get_network(call: Call) -> Mapping[str, Any]:
    return show_network(call, base.existing(call, base.target(call, "networks", "network")))


def list_networks(call: Call) -> Mapping[str, Any]:
    return base.listed(call, "networks", "Network", show_network)


def show_network(call: Call, row: Row) -> Mapping[str, Any]:
    shown = dict(row.body)
    project = row.name.split("/")[1]
    rows = call.store.below(base.SERVICE, f"projects/{project}/regions", "Subnetwork")
    subnets = [base.link(s.name) for s in rows if row.name in s.hidden.get("uses", ())]
    if subnets:
        shown["subnetworks"] = subnets
    if peerings.connection(call.cloud, row.name):
        shown["peerings"] = [PEERED]
    return shown


def patch_network(call: Call) -> Mapping[str, Any]:
    row = base.existing(call, base.target(call, "networks", "network"))
    allowed = {k: v for k, v in call.body.items() if k in ("routingConfig", "mtu", "description")}
    call.store.put(row.with_body(**allowed), call.now)
    return base.begin(call, "patch", row.name)


def delete_network(call: Call) -> Mapping[str, Any]:
    """The peering counts as a user: it must be taken off first."""
    row = base.existing(call, base.target(call, "networks", "network"))
    if peerings.connection(call.cloud, row.name):
        raise base.in_use(row, f"{row.name}/peerings/{PEERING}")
    own = compute_auto.subnets(call.cloud, row.name)
    for subnet in own:
        base.refuse_in_use(call.cloud, subnet)
    return base.delete(call, row.name, finisher="remove_network", besides={subnet.name for subnet in own})


def finish_remove_network(cloud: Cloud, operation: Operation) -> Outcome:
    for subnet in compute_auto.subnets(cloud, operation.target):
        cloud.store.delete(base.SERVICE, subnet.name)
    return base.remove_row(cloud, operation)


def remove_peering(call: Call) -> Mapping[str, Any]:
    """Succeeds where deleteConnection still fails (hashicorp/terraform-provider-google#16275)."""
    row = base.existing(call, base.target(call, "networks", "network"))
    joined = peerings.connection(call.cloud, row.name)
    if call.body.get("name") != PEERING or joined is None:
        raise not_found(f"There is no peering {call.body.get('name')!r} in network {row.name}", reason="notFound")
    return base.begin(call, "removePeering", row.name, finisher="remove_peering", data={"connection": joined.name})


def finish_remove_peering(cloud: Cloud, operation: Operation) -> Outcome:
    cloud.store.delete(peerings.SERVICE_NETWORKING, operation.data["connection"])
    cloud.backing.network_remove(peerings.peering_key(operation.target))
    return Outcome()


def insert_subnet(call: Call) -> Mapping[str, Any]:
    name = base.check_new(call, "subnetworks")
    network = base.needed(call, call.body.get("network", ""), "network")
    cidr = _cidr(call.body.get("ipCidrRange", ""))
    refuse_overlap(call.cloud, network.name, cidr, "IPCidrRange")
    body = {
        "privateIpGoogleAccess": False,
        "stackType": "IPV4_ONLY",
        "purpose": "PRIVATE",
        **call.body,
        "network": base.link(network.name),
        "ipCidrRange": str(cidr),
        "gatewayAddress": str(cidr.network_address + 1),
    }
    return base.insert(call, "Subnetwork", name, body, uses=[network.name], finisher="subnet")


def finish_subnet(cloud: Cloud, operation: Operation) -> Outcome:
    row = cloud.store.get(base.SERVICE, operation.target)
    if row is None:
        return Outcome()
    try:
        cloud.backing.network_ensure(row.name, row.body["ipCidrRange"])
    except Exception as error:
        cloud.store.delete(base.SERVICE, row.name)
        return Outcome(error={"code": "INVALID_USAGE", "message": str(error)})
    return base.mark_ready(cloud, operation)


def refuse_overlap(cloud: Cloud, network: str, cidr: IPv4Network, field: str) -> None:
    """Against subnets of the network and its allocated ranges."""
    for row in cloud.store.below(base.SERVICE, ""):
        have = range_of(row)
        if have is None or network not in row.hidden.get("uses", ()) or not cidr.overlaps(have):
            continue
        if row.type == "Subnetwork":
            region = row.name.split("/")[3]
            other = f"conflicts with existing subnetwork '{row.body['name']}' in region '{region}'."
        else:
            other = f"conflicts with reserved IP range '{row.body['name']}'."
        raise invalid(f"Invalid {field}: {cidr} {other}")


def range_of(row: Row) -> IPv4Network | None:
    if row.type == "Subnetwork":
        return IPv4Network(row.body["ipCidrRange"])
    if row.type == "Address" and row.body.get("prefixLength"):
        return IPv4Network(f"{row.body['address']}/{row.body['prefixLength']}")
    return None


def get_subnet(call: Call) -> Mapping[str, Any]:
    return show_subnet(call, base.existing(call, base.target(call, "subnetworks", "subnetwork")))


def list_subnets(call: Call) -> Mapping[str, Any]:
    return base.listed(call, "subnetworks", "Subnetwork", show_subnet)


def aggregated_subnets(call: Call) -> Mapping[str, Any]:
    return base.aggregated(call, "subnetworks", "Subnetwork", show_subnet)


def show_subnet(call: Call, row: Row) -> Mapping[str, Any]:
    return {**row.body, "fingerprint": base.fingerprint(row.body)}


def set_google_access(call: Call) -> Mapping[str, Any]:
    row = base.existing(call, base.target(call, "subnetworks", "subnetwork"))
    call.store.put(row.with_body(privateIpGoogleAccess=bool(call.body.get("privateIpGoogleAccess"))), call.now)
    return base.begin(call, "setPrivateIpGoogleAccess", row.name)


def patch_subnet(call: Call) -> Mapping[str, Any]:
    row = base.existing(call, base.target(call, "subnetworks", "subnetwork"))
    base.check_fingerprint(call.body.get("fingerprint"), base.fingerprint(row.body), "resource")
    allowed = {k: v for k, v in call.body.items() if k in ("privateIpGoogleAccess", "logConfig", "description")}
    call.store.put(row.with_body(**allowed), call.now)
    return base.begin(call, "patch", row.name)


def delete_subnet(call: Call) -> Mapping[str, Any]:
    """Cloud Run holds a subnet's addresses for 1-2 hours after its service is gone.
    https://cloud.google.com/run/docs/configuring/vpc-direct-vpc#delete-subnet"""
    row = base.existing(call, base.target(call, "subnetworks", "subnetwork"))
    holder = holds.user_of_subnet(call.cloud, row.name)
    if holder:
        raise base.in_use(row, holder)
    return base.delete(call, row.name, finisher="remove_subnet")


def finish_remove_subnet(cloud: Cloud, operation: Operation) -> Outcome:
    cloud.backing.network_remove(operation.target)
    return base.remove_row(cloud, operation)


def _cidr(text: str) -> IPv4Network:
    try:
        cidr = ip_network(text)
    except ValueError:
        cidr = None
    if not isinstance(cidr, IPv4Network) or not any(cidr.subnet_of(n) for n in RFC1918):
        raise invalid(f"Invalid value for field 'resource.ipCidrRange': '{text}'. Must be a private IPv4 CIDR range.")
    if not 8 <= cidr.prefixlen <= 29:
        raise invalid(f"Invalid value for field 'resource.ipCidrRange': '{text}'. The prefix must be from 8 to 29.")
    return cidr


RULES: Mapping[str, Handler] = {
    "compute.networks.insert": base.idempotent(insert_network),
    "compute.networks.get": get_network,
    "compute.networks.list": list_networks,
    "compute.networks.patch": base.idempotent(patch_network),
    "compute.networks.delete": base.idempotent(delete_network),
    "compute.networks.removePeering": base.idempotent(remove_peering),
    "compute.subnetworks.insert": base.idempotent(insert_subnet),
    "compute.subnetworks.get": get_subnet,
    "compute.subnetworks.list": list_subnets,
    "compute.subnetworks.aggregatedList": aggregated_subnets,
    "compute.subnetworks.patch": base.idempotent(patch_subnet),
    "compute.subnetworks.setPrivateIpGoogleAccess": base.idempotent(set_google_access),
    "compute.subnetworks.delete": base.idempotent(delete_subnet),
}
FINISHERS: Mapping[str, Finisher] = {
    "network": finish_network,
    "remove_network": finish_remove_network,
    "subnet": finish_subnet,
    "remove_subnet": finish_remove_subnet,
    "remove_peering": finish_remove_peering,
    "fail.remove_network": base.stay,
    "fail.remove_subnet": base.stay,
}
