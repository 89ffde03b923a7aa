"""What proves that a thing is ours: the deployment's random id, on the thing itself. Its name alone proves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LABEL = "memdeploy"
NAME_LABEL = "memdeploy-name"


@dataclass(frozen=True)
class Marker:
    id: str
    name: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)  # the user's own labels: set, never taken for a proof

    @property
    def labels(self) -> dict[str, str]:
        own = {LABEL: self.id} | ({NAME_LABEL: self.name} if self.name else {})
        return dict(self.extra) | own

    @property
    def description(self) -> str:
        return f"memdeploy/{self.id}"

    @property
    def tag(self) -> str:
        """For what has neither labels nor description: builds (`[\\w][\\w.-]{0,127}`)."""
        return f"memdeploy-{self.id}"

    def on_labels(self, labels: Mapping[str, str] | None) -> bool:
        return bool(labels) and dict(labels or {}).get(LABEL) == self.id

    def on_description(self, description: str | None) -> bool:
        return description == self.description

    def same_labels(self, labels: Mapping[str, str] | None) -> dict[str, str]:
        """The live values of the labels that we set, to compare with `labels`: others' labels are no drift."""
        found = dict(labels or {})
        return {key: found[key] for key in self.labels if key in found}
