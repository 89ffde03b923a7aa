"""Private services access: the peering over which Cloud SQL is reached. One a network, shared by all its deployments.

https://cloud.google.com/service-infrastructure/docs/enabling-private-services-access
"""

from __future__ import annotations

from typing import Any

from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Run, State, Unknown
from memdeploy.errors import CloudError, ErrorKind, StepFailed
from memdeploy.providers.gcp import api_states, operations
from memdeploy.providers.gcp.compute import of as compute_operation
from memdeploy.providers.gcp.scope import Scope

SERVICE = "services/servicenetworking.googleapis.com"
PEERING = "servicenetworking-googleapis-com"
_ATTEMPTS = 4


class Peering:
    """Its ranges are read, united with ours, written and read again: a range of somebody else is never dropped.

    It carries no marker of its own; it is part of the network, which does. Input: `project_number`, because the API
    wants the network's path with it; None in `destroy --shared`: then the journal's path, or the number is asked for.
    """

    kind = "servicenetworking.connection"

    def __init__(self, scope: Scope, network: str, range: str) -> None:  # noqa: A002
        self.scope = scope
        self.network = network
        self.range = range

    def describe(self) -> str:
        return f"private services access of network {self.network}"

    def probe(self, run: Run) -> Observed:
        number = run.inputs.get("project_number")
        if isinstance(number, Unknown) and not run.outputs:
            return Observed(State.ABSENT, unknown=(number,))
        found = self._connection(run, self._path(run))
        if found is None:
            return Observed(State.ABSENT)
        ranges = found.get("reservedPeeringRanges", [])
        if self.range in ranges:
            return Observed(State.PRESENT, outputs=self._outputs(run, found))
        change = Difference("reservedPeeringRanges", ranges, sorted({*ranges, self.range}), Effect.IN_PLACE)
        return Observed(State.DIFFERENT, (change,), outputs=self._outputs(run, found))

    def ensure(self, run: Run) -> Outputs:
        path = self._path(run)
        for _ in range(_ATTEMPTS):
            found = self._connection(run, path)
            ranges = (found or {}).get("reservedPeeringRanges", [])
            if found is not None and self.range in ranges:
                run.apply({"range": self.range})
                return self._outputs(run, found)
            self._write(run, path, sorted({*ranges, self.range}))
        raise StepFailed(
            f"{self.describe()}: range {self.range} was written and is not there",
            where=run.step,
            suggestion="Run the same command again.",
            retryable=True,
        )

    def remove(self, run: Run) -> None:
        """The service's own way first; while Cloud SQL's leavings hold it (for days), the peering alone is taken off.
        Source: gcp.md 3.9; https://github.com/hashicorp/terraform-provider-google/issues/16275"""
        path = self._path(run)
        try:
            if self._connection(run, path) is None:
                return
            self._disconnect(run, path)
        except CloudError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return
            if error.kind is not ErrorKind.PRECONDITION:
                raise
            self._take_off(run)

    def _path(self, run: Run) -> str:
        known = (run.outputs or {}).get("network")
        if known:
            return str(known)
        number = run.inputs.get("project_number") or run.read(lambda: api_states.states(self.scope))["number"]
        return f"projects/{number}/global/networks/{self.network}"

    def _connection(self, run: Run, path: str) -> dict[str, Any] | None:
        answer = run.find(
            lambda: self.scope.clients.servicenetworking("services.connections.list", parent=SERVICE, network=path)
        )
        return next(iter((answer or {}).get("connections", [])), None)

    def _write(self, run: Run, path: str, ranges: list[str]) -> None:
        """An upsert: `-` stands for the connection, made when there is none; `force` lets ranges change."""
        run.change(
            "patch",
            f"{SERVICE}/connections/-",
            lambda intent: self.scope.clients.servicenetworking(
                "services.connections.patch",
                name=f"{SERVICE}/connections/-",
                updateMask="reservedPeeringRanges",
                force=True,
                body={"network": path, "reservedPeeringRanges": ranges},
            ),
            operation=lambda answer: operations.of("servicenetworking", answer),
            timeout=600.0,
        )

    def _disconnect(self, run: Run, path: str) -> None:
        run.change(
            "delete",
            f"{SERVICE}/connections/{PEERING}",
            lambda intent: self.scope.clients.servicenetworking(
                "services.connections.deleteConnection",
                name=f"{SERVICE}/connections/{PEERING}",
                body={"consumerNetwork": path},
            ),
            operation=lambda answer: operations.of("servicenetworking", answer),
            timeout=600.0,
        )

    def _take_off(self, run: Run) -> None:
        run.change(
            "removePeering",
            f"networks/{self.network}",
            lambda intent: self.scope.clients.compute(
                "networks.removePeering",
                project=self.scope.project,
                network=self.network,
                requestId=intent.request_id,
                body={"name": PEERING},
            ),
            operation=compute_operation,
            timeout=600.0,
        )

    def _outputs(self, run: Run, found: dict[str, Any]) -> Outputs:
        return {
            "name": found.get("peering", PEERING),
            "network": self._path(run),
            "ranges": sorted(found.get("reservedPeeringRanges", [])),
        }
