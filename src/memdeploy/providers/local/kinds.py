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
}


def make(scope: Scope, kind: str, identity: Mapping[str, Any]) -> Resource:
    return rebuilding.make(_HERE, KINDS, scope, kind, identity)
