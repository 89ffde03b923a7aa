"""Neo4j's image in the remote repository in front of the public hub, by digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.step import Observed, Outputs, Run, State, unknowns
from memdeploy.errors import StepFailed
from memdeploy.providers.gcp import image_registry
from memdeploy.providers.gcp.neo4j_body import REFERENCE
from memdeploy.providers.gcp.scope import Scope

PACKAGE, TAG = "library/neo4j", "5.26-community"  # the long-term support line of 5.x


class Neo4jImage:
    """Input: `registry_uri` (of the hub). Output: `reference` (by digest), `tag`.

    Resolved once and journalled: a patch release is an upgrade that somebody asks for, not one that happens.
    """

    kind = "neo4j.image"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def probe(self, run: Run) -> Observed:
        if unknown := unknowns(run.inputs):
            return Observed(State.ABSENT, unknown=tuple(unknown))
        known = self._known(run)
        return Observed(State.PRESENT, outputs=known) if known else Observed(State.ABSENT)

    def ensure(self, run: Run) -> Outputs:
        return self._known(run) or self._resolve(run)

    def recovered(self, run: Run) -> Mapping[str, Any]:
        """As our machine was told: resolved anew it might be another by now, and restart Neo4j."""
        if unknowns(run.inputs):
            return {}
        where, names = {"project": self.scope.project, "zone": self.scope.zone}, self.scope.names
        live = run.find(lambda: self.scope.clients.compute("instances.get", instance=names.own("neo"), **where))
        if live is None or not self.scope.marker.on_labels(live.get("labels")):
            return {}
        told = {item["key"]: item.get("value") for item in live.get("metadata", {}).get("items", [])}
        reference = str(told.get(REFERENCE) or "")
        ours = reference.startswith(f"{self._repository(run)}@")
        return {"recovered": {"reference": reference, "tag": TAG}} if ours else {}

    def remove(self, run: Run) -> None:
        """A copy in a shared repository; nothing of its own."""

    def summary(self, outputs: Outputs) -> str:
        return f"{str(outputs['reference']).rpartition('@')[2][:14]}… of {outputs['tag']}"

    def _known(self, run: Run) -> Outputs | None:
        known: Outputs = run.outputs or run.notes.get("recovered") or {}
        reference = str(known.get("reference", ""))
        same = reference.startswith(f"{self._repository(run)}@") and known.get("tag") == TAG
        return known if same else None

    def _resolve(self, run: Run) -> Outputs:
        repository = self._repository(run)
        found = run.read(lambda: image_registry.digest(self.scope.clients, repository, TAG))
        if found is None:
            raise StepFailed(
                f"{repository}:{TAG} does not exist",
                code="neo4j-image",
                where=run.step,
                suggestion="Check that the remote repository reaches Docker Hub (organisation policies may forbid it).",
            )
        return {"reference": f"{repository}@{found}", "tag": TAG}

    def _repository(self, run: Run) -> str:
        return f"{run.inputs['registry_uri']}/{PACKAGE}"
