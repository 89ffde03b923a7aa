"""Which permissions a request needs: the method's own, and what its body adds.

Sources: the reference pages named at each rule, and, for spellings, the public data set iann0036/iam-dataset
(gcp/map.json, 2026-08-22), which was crawled from Google's pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from memdeploy.rehearsal import methods
from memdeploy.rehearsal.call import Call

Extra = Callable[[Call], Iterable[str]]

#: Anybody may ask who he is, and what things cost: the catalog's methods name no permission, and an API key does for
#: them (https://cloud.google.com/billing/v1/how-tos/catalog-api). Of what he may do, see `needed`.
FREE = frozenset({"oauth2.userinfo.get", "billing.services.list", "billing.skus.list"})
#: Operations that need no permission of their own, or their resource's.
#: https://cloud.google.com/artifact-registry/docs/access-control has none for operations;
#: https://cloud.google.com/sql/docs/postgres/iam-permissions: operations.get needs cloudsql.instances.get
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "artifactregistry.projects.locations.operations.get": (),
    "sql.operations.get": ("cloudsql.instances.get",),
    "sql.operations.list": ("cloudsql.instances.get",),
}


def needed(call: Call) -> tuple[str, ...]:
    """The first is the method's own."""
    method = call.method
    if method.leaf == "testIamPermissions":
        return ()
    if method.id in OPERATIONS:
        return OPERATIONS[method.id]
    own = _internal(call) or methods.permission(method)
    extra = EXTRAS.get(method.id)
    every = (own, *(extra(call) if extra else ()))
    return tuple(dict.fromkeys(name for name in every if name not in FREE))


def _internal(call: Call) -> str | None:
    """https://cloud.google.com/compute/docs/ip-addresses/reserve-static-internal-ip-address#permissions"""
    if call.method.id == "compute.addresses.insert":
        return "compute.addresses.createInternal" if call.body.get("addressType") == "INTERNAL" else None
    return _INTERNAL.get(call.method.id)


#: A rehearsal of a private deployment has no external addresses to delete.
_INTERNAL: Mapping[str, str] = {
    "compute.addresses.delete": "compute.addresses.deleteInternal",
    "compute.globalAddresses.delete": "compute.globalAddresses.deleteInternal",
}


def _new_machine(call: Call) -> Iterable[str]:
    """https://cloud.google.com/compute/docs/instances/create-start-instance#permissions"""
    body = call.body
    disks, cards = body.get("disks") or [], body.get("networkInterfaces") or []
    if body.get("metadata"):
        yield "compute.instances.setMetadata"
    if body.get("labels"):
        yield "compute.instances.setLabels"
    if body.get("tags"):
        yield "compute.instances.setTags"
    if body.get("serviceAccounts"):
        yield from ("compute.instances.setServiceAccount", "iam.serviceAccounts.actAs")
    if any(disk.get("initializeParams") for disk in disks):
        yield "compute.disks.create"
    if any(disk.get("source") for disk in disks):
        yield "compute.disks.use"
    if any(card.get("subnetwork") for card in cards):
        yield "compute.subnetworks.use"
    if any(card.get("accessConfigs") for card in cards):
        yield "compute.subnetworks.useExternalIp"
    if any(card.get("networkIP") for card in cards):
        yield "compute.addresses.useInternal"


def _new_disk(call: Call) -> Iterable[str]:
    """https://cloud.google.com/compute/docs/disks/scheduled-snapshots#permissions"""
    if call.body.get("labels"):
        yield "compute.disks.setLabels"
    if call.body.get("resourcePolicies"):
        yield from ("compute.disks.addResourcePolicies", "compute.resourcePolicies.use")


def _policies_of_disk(call: Call) -> Iterable[str]:
    yield "compute.resourcePolicies.use"


def _snapshot(call: Call) -> Iterable[str]:
    """https://cloud.google.com/compute/docs/disks/create-snapshots#permissions"""
    yield "compute.disks.createSnapshot"
    if call.body.get("labels"):
        yield "compute.snapshots.setLabels"


def _rules_of_network(call: Call) -> Iterable[str]:
    """https://cloud.google.com/firewall/docs/using-firewalls: roles name compute.networks.updatePolicy beside the
    firewall's own; so does a subnet's creation (https://cloud.google.com/vpc/docs/create-modify-vpc-networks)."""
    yield "compute.networks.updatePolicy"


def _address(call: Call) -> Iterable[str]:
    if call.body.get("subnetwork"):
        yield "compute.subnetworks.use"


def _range(call: Call) -> Iterable[str]:
    """https://cloud.google.com/vpc/docs/configure-private-services-access#permissions"""
    if call.body.get("network"):
        yield "compute.networks.use"


def _revision(call: Call) -> Iterable[str]:
    """https://cloud.google.com/run/docs/reference/iam/roles#additional-configuration: acting as the service's identity
    and reading the image are asked of whoever deploys."""
    yield from ("iam.serviceAccounts.actAs", "artifactregistry.repositories.downloadArtifacts")


def _job(call: Call) -> Iterable[str]:
    yield from _revision(call)
    job = call.body.get("spec") or call.body  # v1, v2
    if job.get("startExecutionToken") or job.get("runExecutionToken"):
        yield "run.jobs.run"


def _build(call: Call) -> Iterable[str]:
    """https://cloud.google.com/build/docs/securing-builds/configure-user-specified-service-accounts"""
    if call.body.get("serviceAccount"):
        yield "iam.serviceAccounts.actAs"


_SERVICE, _JOB = "run.projects.locations.services", "run.projects.locations.jobs"
EXTRAS: Mapping[str, Extra] = {
    "compute.instances.insert": _new_machine,
    "compute.disks.insert": _new_disk,
    "compute.disks.addResourcePolicies": _policies_of_disk,
    "compute.disks.createSnapshot": _snapshot,
    "compute.subnetworks.insert": _rules_of_network,
    "compute.firewalls.insert": _rules_of_network,
    "compute.firewalls.patch": _rules_of_network,
    "compute.firewalls.update": _rules_of_network,
    "compute.firewalls.delete": _rules_of_network,
    "compute.addresses.insert": _address,
    "compute.globalAddresses.insert": _range,
    **dict.fromkeys((f"{_SERVICE}.create", f"{_SERVICE}.replaceService"), _revision),
    **dict.fromkeys(("run.namespaces.services.create", "run.namespaces.services.replaceService"), _revision),
    **dict.fromkeys(("run.namespaces.jobs.create", "run.namespaces.jobs.replaceJob"), _job),
    f"{_SERVICE}.patch": _revision,
    f"{_JOB}.create": _job,
    f"{_JOB}.patch": _job,
    "cloudbuild.projects.builds.create": _build,
    "cloudbuild.projects.locations.builds.create": _build,
}
