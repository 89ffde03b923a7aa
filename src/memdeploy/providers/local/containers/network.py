"""The deployment's own bridge: its servers find each other by name there, and nobody else is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from memdeploy.engine.converge import Converging
from memdeploy.engine.step import Effect, Outputs, Run
from memdeploy.providers.local.containers import once
from memdeploy.providers.local.scope import Scope

JSON = Mapping[str, Any]


class Network(Converging[JSON]):
    """Outputs: `name`, `id`."""

    kind = "local.network"
    service = "engine"
    effects: ClassVar[Mapping[str, Effect]] = {"driver": Effect.REPLACE}

    def __init__(self, scope: Scope, name: str) -> None:
        self.scope = scope
        self.name = name

    def describe(self) -> str:
        return f"network {self.name}"

    def read(self, run: Run) -> JSON | None:
        return run.read(self._look)

    def owned(self, run: Run, live: JSON) -> bool:
        return self.scope.marker.on_labels(live.get("Labels"))

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"driver": "bridge"}

    def view(self, live: JSON) -> Mapping[str, Any]:
        return {"driver": live.get("Driver")}

    def create(self, run: Run) -> None:
        api = self.scope.engine.client.api
        labels = self.scope.marker.labels
        run.change(
            "create",
            self.name,
            lambda intent: api.create_network(self.name, driver="bridge", check_duplicate=True, labels=labels),
        )

    def delete(self, run: Run, live: JSON) -> None:
        once.sweep(run, self.scope)
        run.change("delete", self.name, lambda intent: self.scope.engine.client.api.remove_network(live["Id"]))

    def outputs(self, run: Run, live: JSON) -> Outputs:
        return {"name": self.name, "id": live["Id"]}

    def _look(self) -> JSON | None:
        """The engine allows several networks of one name: another's is told first."""
        found = [one for one in self.scope.engine.client.api.networks(names=[self.name]) if one["Name"] == self.name]
        others = [one for one in found if not self.scope.marker.on_labels(one.get("Labels"))]
        return next(iter([*others, *found]), None)
