"""What the groups of steps have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.step import Step
from memdeploy.providers.gcp import kinds, modes
from memdeploy.providers.gcp.scope import Scope


class Builder:
    """Makes steps of one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.names = scope.names
        self.vm = modes.vm(scope.deployment)
        self.sidecar = modes.sidecar(scope.deployment)
        self.external = modes.external(scope.deployment)
        self.connector = modes.connector(scope.deployment)
        self.networked = modes.network(scope.deployment)

    def step(self, name: str, kind: str, identity: Mapping[str, Any], title: str, **rest: Any) -> Step:
        resource = kinds.make(self.scope, kind, identity)
        return Step(name=name, resource=resource, identity=dict(identity), title=title, **rest)

    def grant(self, name: str, on: str, thing: str, title: str, bindings: Mapping[str, Any], **rest: Any) -> Step:
        """`bindings`: role -> list of members or of references to them."""
        identity = {"on": on, "name": thing}
        return self.step(name, "iam.grants", identity, title, inputs={"bindings": bindings}, seconds=3.0, **rest)
