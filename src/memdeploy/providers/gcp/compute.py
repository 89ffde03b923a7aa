"""What all Compute Engine resources have in common: global, regional or zonal calls, and their operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.step import Intent, Operation, Run
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.gcp import operations
from memdeploy.providers.gcp.scope import Scope

JSON = dict[str, Any]


class Collection:
    """One collection, such as `firewalls`; `place` is what scopes it: {}, {"region": …} or {"zone": …}.

    `item` is the name of the parameter that names a member (`firewall`, `address`, …).
    """

    def __init__(self, scope: Scope, name: str, item: str, place: Mapping[str, str] | None = None) -> None:
        self.scope = scope
        self.name = name
        self.item = item
        self.place = dict(place or {})

    def get(self, run: Run, name: str) -> JSON | None:
        return run.find(lambda: self.call("get", **{self.item: name}))

    def list(self, run: Run) -> list[JSON]:
        return run.read(lambda: self.scope.clients.compute.pages(f"{self.name}.list", "items", **self._where()))

    def insert(self, run: Run, body: JSON, *, timeout: float = 600.0) -> None:
        """Repeatable by request id (https://cloud.google.com/compute/docs/api/how-tos/idempotency) and by name."""
        self.change(run, "insert", body["name"], {"body": body}, timeout=timeout)

    def delete(self, run: Run, name: str, *, timeout: float = 600.0) -> None:
        try:
            self.change(run, "delete", name, {self.item: name}, timeout=timeout)
        except CloudError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise

    def change(
        self, run: Run, method: str, name: str, parameters: JSON, *, timeout: float = 600.0, verb: str | None = None
    ) -> None:
        """Any changing method of the collection; `name` is for the journal."""

        def send(intent: Intent) -> JSON:
            return self.call(method, requestId=intent.request_id, **parameters)

        run.change(verb or method, f"{self.name}/{name}", send, operation=of, timeout=timeout)

    def call(self, method: str, /, **parameters: Any) -> JSON:
        """One call, for use inside `run.read`, `run.find` or `run.change`."""
        return self.scope.clients.compute(f"{self.name}.{method}", **self._where(), **parameters)

    def _where(self) -> JSON:
        return {"project": self.scope.project, **self.place}


def of(answer: JSON) -> Operation | None:
    return operations.of("compute", answer)
