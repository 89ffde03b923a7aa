"""The base of Neo4j's things in Compute Engine: one name in one collection, ours by label or description."""

from __future__ import annotations

from typing import Any, ClassVar

from memdeploy.engine.converge import Converging
from memdeploy.engine.step import Outputs, Run
from memdeploy.providers.gcp.compute import JSON, Collection
from memdeploy.providers.gcp.names import relative
from memdeploy.providers.gcp.scope import Scope

Thing = JSON


class ComputeThing(Converging[Thing]):
    """`collection` is the API's (`disks`), `argument` its parameter for the name (`disk`), `place` where it lives."""

    collection: ClassVar[str]
    argument: ClassVar[str]
    place: ClassVar[str]  # zone | region
    noun: ClassVar[str]

    def __init__(self, scope: Scope, *, name: str) -> None:
        self.scope = scope
        self.name = name
        self.things = Collection(scope, self.collection, self.argument, {self.place: getattr(scope, self.place)})

    def describe(self) -> str:
        return f"{self.noun} {self.name}"

    def read(self, run: Run) -> Thing | None:
        return self.things.get(run, self.name)

    def owned(self, run: Run, live: Thing) -> bool:
        marker = self.scope.marker
        return marker.on_labels(live.get("labels")) or marker.on_description(live.get("description"))

    def delete(self, run: Run, live: Thing) -> None:
        self.things.delete(run, self.name)

    def outputs(self, run: Run, live: Thing) -> Outputs:
        return {"name": self.name, "link": relative(live["selfLink"])}

    def get(self) -> Thing:
        return self.things.call("get", **{self.argument: self.name})

    def change(self, run: Run, method: str, *, verb: str | None = None, **parameters: Any) -> None:
        """A changing method on this thing; some call it `resource`: then pass that."""
        named = {} if "resource" in parameters else {self.argument: self.name}
        self.things.change(run, method, self.name, {**named, **parameters}, verb=verb)
