"""Kinds of resources by stable words that stand in journals: a kind is never renamed. Modules load when used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.step import Resource
from memdeploy.providers import rebuilding
from memdeploy.providers.gcp.scope import Scope

_HERE = "memdeploy.providers.gcp"
KINDS: Mapping[str, str] = {
    "preflight": "preflight:Preflight",
    "serviceusage.services": "apis:Apis",
    "artifactregistry.repository": "registry:Repository",
    "compute.network": "network:Network",
    "compute.globalAddress": "network:Range",
    "servicenetworking.connection": "peering:Peering",
    "iam.serviceAccount": "accounts:Account",
    "iam.grants": "grants:ResourceGrants",
    "compute.subnetwork": "network:Subnet",
    "compute.firewall": "network:Firewall",
    "secretmanager.generated": "secrets:GeneratedSecret",
    "secretmanager.modelKey": "secrets:ModelKey",
    "secretmanager.neo4jPassword": "secrets:Neo4jPassword",
    "secretmanager.referenced": "secrets:ReferencedSecret",
    "sql.instance": "postgres:PostgresInstance",
    "sql.authority": "postgres_parts:PostgresAuthority",
    "sql.database": "postgres_parts:PostgresDatabase",
    "sql.user": "postgres_parts:PostgresUser",
    "compute.address": "neo4j_storage:Neo4jAddress",
    "compute.snapshots": "neo4j_storage:Neo4jSnapshots",
    "compute.disk": "neo4j_storage:Neo4jDisk",
    "compute.vm": "neo4j_vm:Neo4jVm",
    "secretmanager.tls": "tls_secret:TlsSecret",
    "neo4j.image": "neo4j_image:Neo4jImage",
    "memmachine.image": "image:Image",
    "run.prepare": "prepare:Prepare",
    "run.service": "service:Service",
    "run.access": "access:Access",
    "verify": "verify:Verify",
}


def make(scope: Scope, kind: str, identity: Mapping[str, Any]) -> Resource:
    return rebuilding.make(_HERE, KINDS, scope, kind, identity)
