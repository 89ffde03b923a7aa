"""Service Networking v1: private services access. https://cloud.google.com/vpc/docs/configure-private-services-access

One connection a network. The network's name must carry the project's number
(https://cloud.google.com/service-infrastructure/docs/service-networking/reference/rest/v1/services.connections).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from memdeploy.rehearsal import dialect, operations
from memdeploy.rehearsal.access import allows
from memdeploy.rehearsal.call import Call, Cloud, Handler, Project
from memdeploy.rehearsal.enabled import is_on
from memdeploy.rehearsal.methods import permission
from memdeploy.rehearsal.operations import Finisher, Operation, Outcome
from memdeploy.rehearsal.refusal import failed_precondition, invalid, not_found
from memdeploy.rehearsal.rules import holds, peerings
from memdeploy.rehearsal.store import Row

HOST = "servicenetworking.googleapis.com"
PEERING = "servicenetworking-googleapis-com"
NETWORK = re.compile(r"projects/(?P<project>\d+)/global/networks/(?P<network>[a-z0-9-]+)")
CONNECTION = "type.googleapis.com/google.cloud.servicenetworking.v1.Connection"


def list_(call: Call) -> Mapping[str, Any]:
    network, _ = _network(call, call.text("network"))
    row = peerings.connection(call.cloud, network)
    return {"connections": [row.body]} if row else {}


def create(call: Call) -> Mapping[str, Any]:
    network, project = _network(call, call.body.get("network", ""))
    ranges = _ranges(call, network)
    have = peerings.connection(call.cloud, network)
    if have is not None and set(have.body["reservedPeeringRanges"]) != set(ranges):
        # hashicorp/terraform-provider-google#3294
        raise failed_precondition("Cannot modify allocated ranges in CreateConnection. Please use UpdateConnection.")
    return _connect(call, network, project, ranges)


def patch(call: Call) -> Mapping[str, Any]:
    """Makes the connection when there is none. Taking a range away needs `force`."""
    network, project = _network(call, call.body.get("network", ""))
    ranges = _ranges(call, network)
    have = peerings.connection(call.cloud, network)
    dropped = set(have.body["reservedPeeringRanges"]) - set(ranges) if have else set()
    if dropped and not call.flag("force"):
        raise failed_precondition(f"Cannot remove allocated ranges {sorted(dropped)} without force.")
    return _connect(call, network, project, ranges)


def delete(call: Call) -> Mapping[str, Any]:
    """The operation fails with code 9 while Cloud SQL uses the connection, for days after the last instance is gone
    (hashicorp/terraform-provider-google#18834, #19908)."""
    network, project = _network(call, call.body.get("consumerNetwork", ""))
    row = peerings.connection(call.cloud, network)
    if row is None:
        raise not_found(f"There is no service networking connection in {network}.")
    return _start(call, project, "delete", row.name, {"network": network})


def finish_connect(cloud: Cloud, operation: Operation) -> Outcome:
    network, ranges = operation.data["network"], operation.data["ranges"]
    body = {
        "network": operation.data["sent"],
        "reservedPeeringRanges": ranges,
        "peering": PEERING,
        "service": f"services/{HOST}",
    }
    for name in ranges:
        address = cloud.store.get("compute", f"projects/{network.split('/')[1]}/global/addresses/{name}")
        if address is not None:
            cidr = f"{address.body['address']}/{address.body['prefixLength']}"
            try:
                cloud.backing.network_ensure(peerings.peering_key(network), cidr)
            except Exception as error:
                return Outcome(error={"code": 9, "message": str(error)})
            break  # the engine's network has one range; instances are placed in the first
    row = Row(peerings.SERVICE_NETWORKING, "Connection", operation.target, body, {"parent": ["compute", network]})
    cloud.store.put(row, cloud.now)
    return Outcome(response={"@type": CONNECTION, **body})


def finish_delete(cloud: Cloud, operation: Operation) -> Outcome:
    network = operation.data["network"]
    user = holds.user_of_peering(cloud, network)
    if user is not None:
        message = (
            "Failed to delete connection; Producer services (e.g. CloudSQL, Cloud Memstore, etc.) are still using this"
            " connection."
        )
        return Outcome(error={"code": 9, "message": message})
    cloud.backing.network_remove(peerings.peering_key(network))
    cloud.store.delete(peerings.SERVICE_NETWORKING, operation.target)
    return Outcome()


def _connect(call: Call, network: str, project: Project, ranges: Sequence[str]) -> Mapping[str, Any]:
    data = {"network": network, "ranges": list(ranges), "sent": call.body["network"]}
    return _start(call, project, "connect", f"services/{HOST}/connections/{network}", data)


def _start(call: Call, project: Project, kind: str, name: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    operation = f"operations/pssn.p24-{project.number}-{operations.fresh_name(call)}"
    return operations.start(call, "lro", operation, kind=kind, target=name, finisher=kind, data=data)


def _network(call: Call, sent: str) -> tuple[str, Project]:
    """(its name with the project's id, the project). The path has no project, so all checks are made here."""
    found = NETWORK.fullmatch(sent)
    if found is None:
        raise invalid(
            f"Invalid network name '{sent}': expected projects/{{project number}}/global/networks/{{network}}."
        )
    needed = permission(call.method)
    project = call.cloud.project(found["project"])
    if project is None or not allows(call.cloud, call.caller, needed, project):
        raise dialect.permission_denied("servicenetworking", needed, f"projects/{found['project']}")
    if not is_on(call.cloud, project, HOST):
        raise dialect.service_disabled(HOST, "Service Networking API", project)
    name = f"projects/{project.id}/global/networks/{found['network']}"
    if call.find(name, "compute") is None:
        raise not_found(f"Network {sent} was not found.")
    return name, project


def _ranges(call: Call, network: str) -> list[str]:
    ranges = list(call.body.get("reservedPeeringRanges") or ())
    if not ranges:
        raise invalid("At least one reserved peering range is required.")
    project = network.split("/")[1]
    for name in ranges:
        row = call.find(f"projects/{project}/global/addresses/{name}", "compute")
        good = row is not None and network in row.hidden.get("uses", ()) and row.hidden.get("ready")
        if not good or row is None or row.body.get("purpose") != "VPC_PEERING":
            raise invalid(f"Allocated IP range '{name}' not found in network.")
    return ranges


RULES: Mapping[str, Handler] = {
    "servicenetworking.services.connections.list": list_,
    "servicenetworking.services.connections.create": create,
    "servicenetworking.services.connections.patch": patch,
    "servicenetworking.services.connections.deleteConnection": delete,
}
FINISHERS: Mapping[str, Finisher] = {"connect": finish_connect, "delete": finish_delete}
