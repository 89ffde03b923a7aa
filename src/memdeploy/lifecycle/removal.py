"""What `destroy` takes away and what it keeps: from the graph and the journal. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.lifecycle.session import DEPLOYMENT

_NOT_THERE = frozenset({Status.PENDING, Status.REMOVED})


@dataclass(frozen=True)
class Removal:
    """`remove` goes; `retain` holds data and is put to rest; `keep` stays so that the data can live again."""

    remove: tuple[str, ...]
    retain: tuple[str, ...]
    keep: tuple[str, ...]


def removal(graph: Graph, records: Mapping[str, StepRecord], *, delete_data: bool) -> Removal:
    """Only the deployment's own steps that were ever begun. What is shared or permanent is never in it."""
    begun = [
        step
        for step in graph
        if step.scope == DEPLOYMENT and not step.transient and not step.permanent and _begun(records.get(step.name))
    ]
    data = () if delete_data else tuple(step for step in begun if step.holds_data)
    needed = {name for step in data for name in step.keeps}
    retain = tuple(step.name for step in data)
    keep = tuple(step.name for step in begun if step.name in needed and step.name not in retain)
    stays = {*keep, *graph.upstream(retain)}
    return Removal(tuple(step.name for step in begun if step.name not in stays), retain, keep)


def _begun(record: StepRecord | None) -> bool:
    return record is not None and (record.status not in _NOT_THERE or bool(record.intents))
