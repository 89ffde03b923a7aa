"""Steps and journals small enough to see through."""

from __future__ import annotations

from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.step import Observed, Outputs, Run, State, Step
from memdeploy.state.journal import REAL, Journal


class Nothing:
    """A resource that nobody calls."""

    kind = "toy"

    def probe(self, run: Run) -> Observed:
        return Observed(State.ABSENT)

    def ensure(self, run: Run) -> Outputs:
        return {}

    def remove(self, run: Run) -> None:
        return


def step(name: str, *needs: str, **rest: Any) -> Step:
    return Step(name=name, resource=Nothing(), needs=needs, **rest)


def record(name: str, status: Status = Status.DONE, **rest: Any) -> StepRecord:
    return StepRecord(name, kind="toy", status=status, **rest)


def deployment(**changes: Any) -> Deployment:
    return Deployment.model_validate({"provider": "gcp", "gcp": {"project": "proj-1"}, **changes})


def journal(status: str = "ready", configuration: Deployment | None = None, **rest: Any) -> Journal:
    chosen = configuration or deployment()
    fields: dict[str, Any] = {
        "id": "abcdefghijkl",
        "name": "memmachine",
        "suffix": "x7k2",
        "provider": "gcp",
        "binding": REAL,
        "identity": {"project": chosen.gcp.project, "region": chosen.gcp.region},
        "configuration": chosen.model_dump(mode="json"),
        "created": 0.0,
        "updated": 0.0,
        "status": status,
    }
    return Journal(**{**fields, **rest})
