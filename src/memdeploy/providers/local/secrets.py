"""The secrets of a local deployment (`providers.stored`), kept in files of its own folder."""

from __future__ import annotations

from memdeploy.providers import stored
from memdeploy.providers.local.scope import Scope
from memdeploy.providers.local.vault import FileVault


class GeneratedSecret(stored.GeneratedSecret):
    kind = "local.generatedSecret"

    def __init__(self, scope: Scope, name: str) -> None:
        super().__init__(scope, name, FileVault(scope.folder, name))


class ModelKey(stored.ModelKey):
    kind = "local.modelKey"

    def __init__(self, scope: Scope, name: str) -> None:
        super().__init__(scope, name, FileVault(scope.folder, name))


class Neo4jPassword(stored.Neo4jPassword):
    kind = "local.neo4jPassword"

    def __init__(self, scope: Scope, name: str) -> None:
        super().__init__(scope, name, FileVault(scope.folder, name))
