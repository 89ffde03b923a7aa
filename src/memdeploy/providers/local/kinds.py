"""Kinds of resources by stable words that stand in journals: a kind is never renamed. Modules load when used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.step import Resource
from memdeploy.providers import rebuilding
from memdeploy.providers.local.scope import Scope

_HERE = "memdeploy.providers.local"
KINDS: Mapping[str, str] = {
    "embedded.data": "embedded.data:Data",
    "embedded.environment": "embedded.environment:Environment",
    "embedded.model": "embedded.model:OfflineModel",
    "embedded.preflight": "embedded.preflight:Preflight",
    "embedded.prepare": "embedded.prepare:Prepare",
    "embedded.python": "embedded.python:Python",
    "embedded.service": "embedded.service:Service",
    "local.folder": "folder:Folder",
    "local.generatedSecret": "secrets:GeneratedSecret",
    "local.modelKey": "secrets:ModelKey",
    "local.neo4jPassword": "secrets:Neo4jPassword",
    "local.verify": "verify:Verify",
    "local.enginePreflight": "containers.preflight:Preflight",
    "local.network": "containers.network:Network",
    "local.volume": "containers.volume:Volume",
    "local.serverImage": "containers.server_image:ServerImage",
    "local.image": "containers.image:Image",
    "local.postgres": "containers.postgres:Postgres",
    "local.neo4j": "containers.neo4j:Neo4j",
    "local.modelServer": "containers.model:ModelServer",
    "local.prepare": "containers.prepare:Prepare",
    "local.service": "containers.service:Service",
}


def make(scope: Scope, kind: str, identity: Mapping[str, Any]) -> Resource:
    return rebuilding.make(_HERE, KINDS, scope, kind, identity)
