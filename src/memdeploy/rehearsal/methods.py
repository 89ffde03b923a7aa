"""What is known about methods by their id: whether they change anything, and the permission they need."""

from __future__ import annotations

from collections.abc import Mapping

from memdeploy.rehearsal.call import Method

# Methods that are no GET and still change nothing.
READS = frozenset(
    {
        "getIamPolicy", "testIamPermissions", "queryTestablePermissions", "batchGet", "getAncestry", "search",
        "generateIdToken", "generateAccessToken", "signBlob", "signJwt", "tokeninfo", "lintPolicy",
        "wait", "access", "exportIamPolicy", "verify", "testPermissions", "getEffectiveOrgPolicy",
    }
)  # fmt: skip
READ_IDS = frozenset({"logging.entries.list", "logging.entries.tail", "servicenetworking.services.searchRange"})

PREFIX: Mapping[str, str] = {"sql": "cloudsql", "cloudresourcemanager": "resourcemanager", "cloudbilling": "billing"}
LEAF: Mapping[str, str] = {
    "insert": "create",
    "patch": "update",
    "replaceService": "update",
    "replaceJob": "update",
    "aggregatedList": "list",
    "batchGet": "get",
}
# https://cloud.google.com/iam/docs/permissions-reference, where the rule below does not give it
PERMISSIONS: Mapping[str, str] = {
    "cloudresourcemanager.projects.getEffectiveOrgPolicy": "orgpolicy.policy.get",
    "secretmanager.projects.secrets.addVersion": "secretmanager.versions.add",
    "cloudbilling.projects.getBillingInfo": "resourcemanager.projects.get",
    "serviceusage.services.batchEnable": "serviceusage.services.enable",
    "servicenetworking.services.connections.patch": "servicenetworking.services.addPeering",
    "servicenetworking.services.connections.create": "servicenetworking.services.addPeering",
    "servicenetworking.services.connections.deleteConnection": "servicenetworking.services.deleteConnection",
    "servicenetworking.services.connections.list": "servicenetworking.services.get",
    "logging.entries.list": "logging.logEntries.list",
    "iamcredentials.projects.serviceAccounts.generateIdToken": "iam.serviceAccounts.getOpenIdToken",
    "iamcredentials.projects.serviceAccounts.generateAccessToken": "iam.serviceAccounts.getAccessToken",
    "compute.disks.createSnapshot": "compute.snapshots.create",
    "compute.globalAddresses.insert": "compute.globalAddresses.createInternal",
    "compute.instances.getGuestAttributes": "compute.instances.getGuestAttributes",
    "sql.instances.listServerCas": "cloudsql.instances.listServerCas",
    "run.projects.locations.services.setIamPolicy": "run.services.setIamPolicy",
}


def mutates(method: Method) -> bool:
    return method.verb != "GET" and method.leaf not in READS and method.id not in READ_IDS


def permission(method: Method) -> str:
    """`secretmanager.projects.secrets.create` -> `secretmanager.secrets.create`."""
    if method.id in PERMISSIONS:
        return PERMISSIONS[method.id]
    service, *middle, leaf = method.id.split(".")
    kind = middle[-1] if middle else service
    return f"{PREFIX.get(service, service)}.{kind}.{LEAF.get(leaf, leaf)}"
