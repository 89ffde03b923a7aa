"""A named volume: what a database has stored. It outlives every container that had it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from memdeploy.config.model import Protection
from memdeploy.engine.converge import Converging
from memdeploy.engine.step import Difference as Changed
from memdeploy.engine.step import Effect, Intent, Outputs, Run
from memdeploy.providers.local.containers import once
from memdeploy.providers.local.scope import Scope

JSON = Mapping[str, Any]
HOLDS = "memdeploy-holds"
TOKEN = "memdeploy-token"  # noqa: S105 - drawn when it is made: another volume of that name is another one


class Volume(Converging[JSON]):
    """`holds`: which server's files are in it, `PostgreSQL 17`. Outputs: `name`, `id`."""

    kind = "local.volume"
    service = "engine"
    effects: ClassVar[Mapping[str, Effect]] = {"holds": Effect.FORBIDDEN}

    def __init__(self, scope: Scope, name: str, holds: str) -> None:
        self.scope = scope
        self.name = name
        self.holds = holds

    def describe(self) -> str:
        return f"volume {self.name}"

    def read(self, run: Run) -> JSON | None:
        return run.read(self._look)

    def owned(self, run: Run, live: JSON) -> bool:
        return self.scope.marker.on_labels(live.get("Labels"))

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"holds": self.holds}

    def view(self, live: JSON) -> Mapping[str, Any]:
        return {"holds": (live.get("Labels") or {}).get(HOLDS)}

    def differences(
        self, desired: Mapping[str, Any], found: Mapping[str, Any], applied: Mapping[str, Any] | None = None
    ) -> tuple[Changed, ...]:
        reason = "another major version does not read its files; restore a backup into a new deployment instead"
        return tuple(
            Changed(one.field, one.have, one.want, one.effect, reason)
            for one in super().differences(desired, found, applied)
        )

    def create(self, run: Run) -> None:
        """The engine answers with the one that is there when the name is taken: its labels say whose it is."""

        def call(intent: Intent) -> Any:
            labels = {**self.scope.marker.labels, HOLDS: self.holds, TOKEN: intent.token}
            return self.scope.engine.client.api.create_volume(self.name, labels=labels)["Name"]

        run.change("create", self.name, call)

    def delete(self, run: Run, live: JSON) -> None:
        once.sweep(run, self.scope)
        run.change("delete", self.name, lambda intent: self.scope.engine.client.api.remove_volume(self.name))

    def outputs(self, run: Run, live: JSON) -> Outputs:
        return {"name": self.name, "id": (live.get("Labels") or {}).get(TOKEN)}

    def protection(self, run: Run) -> str | None:
        deployment = self.scope.deployment
        options = deployment.postgres if "PostgreSQL" in self.holds else deployment.neo4j
        return f"{self.describe()} is locked" if options.deletion_protection is Protection.LOCKED else None

    def _look(self) -> JSON | None:
        from docker.errors import NotFound

        try:
            found: JSON = self.scope.engine.client.api.inspect_volume(self.name)
        except NotFound:
            return None
        return found
