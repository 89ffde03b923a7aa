"""A journal from what is there: which records, and what the deployment's status is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.step import Observed, State, Step
from memdeploy.lifecycle.configuration import SERVICE
from memdeploy.lifecycle.removal import removal
from memdeploy.lifecycle.session import DEPLOYMENT
from memdeploy.state.journal import DeploymentStatus

RECOVERED = "recovered"
"""Fact of a journal that was written anew and not yet confirmed by an `up` to its end: {at}."""

#: What `up` may trust, and what it has to bring to an end.
_STATUS: Mapping[State, Status] = {
    State.PRESENT: Status.DONE,
    State.DIFFERENT: Status.DONE,
    State.PENDING: Status.RUNNING,
    State.BROKEN: Status.FAILED,
}


def records(
    every: Graph, observed: Mapping[str, Observed], notes: Mapping[str, Mapping[str, Any]], scope: str
) -> dict[str, StepRecord]:
    """Of that scope's steps. What is absent or somebody else's has none."""
    return {
        name: _record(every[name], seen, notes.get(name, {}))
        for name, seen in observed.items()
        if seen.state in _STATUS and every[name].scope == scope
    }


def _record(step: Step, seen: Observed, notes: Mapping[str, Any]) -> StepRecord:
    return StepRecord(
        step.name, step.resource.kind, dict(step.identity), _STATUS[seen.state], step.holds_data,
        outputs=None if seen.outputs is None else dict(seen.outputs), notes=dict(notes),
    )  # fmt: skip


def at_rest(every: Graph, found: Mapping[str, StepRecord]) -> dict[str, StepRecord]:
    """Data without a service: kept, as `destroy` leaves it. Else the records as they are."""
    if not _rests(found):
        return dict(found)
    left = removal(every, found, delete_data=False)
    kept = {*left.retain, *left.keep}
    return {
        name: replace(record, status=Status.KEPT) if name in kept else record for name, record in found.items()
    }  # fmt: skip


def status(wanted: Graph, found: Mapping[str, StepRecord]) -> DeploymentStatus:
    """Where data is, memories may be: then release and embedding model are fixed, whatever else is missing."""
    if _rests(found):
        return DeploymentStatus.RETAINED
    own = [step.name for step in wanted if step.scope == DEPLOYMENT and not step.transient]
    whole = all(name in found and found[name].status is not Status.FAILED for name in own)
    return DeploymentStatus.READY if whole else DeploymentStatus.FAILED


def _rests(found: Mapping[str, StepRecord]) -> bool:
    return SERVICE not in found and any(record.holds_data for record in found.values())
