"""What the journal holds and the configuration has no more (neo4j.mode from vm to external): what stays, what goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.step import Step
from memdeploy.lifecycle.session import Session

_GONE = frozenset({Status.REMOVED, Status.PENDING})


@dataclass(frozen=True)
class Orphans:
    """`data` stays, and `kept` so that it can live again; `stateless` goes. In the order of the graph."""

    data: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    stateless: tuple[str, ...] = ()


def whole(session: Session, records: Mapping[str, StepRecord]) -> Graph:
    """All steps that this journal may hold: of any configuration, and of a version that had others."""
    every = session.cloud.everything()
    strangers = [_rebuilt(session, record) for name, record in records.items() if name not in every]
    return Graph([*every, *strangers]) if strangers else every


def find(graph: Graph, every: Graph, records: Mapping[str, StepRecord], *, delete_data: bool) -> Orphans:
    """`graph` is what the configuration wants, `every` what the journal may hold."""
    left = [step for step in every if step.name not in graph and _there(records.get(step.name))]
    data = () if delete_data else tuple(step.name for step in left if step.holds_data)
    needed = {*every.upstream(data), *(name for one in data for name in every[one].keeps)}
    kept = tuple(step.name for step in left if step.name in needed and step.name not in data)
    stays = {*data, *kept}
    return Orphans(data, kept, tuple(step.name for step in left if step.name not in stays))


def _there(record: StepRecord | None) -> bool:
    return record is not None and (record.status not in _GONE or bool(record.intents))


def _rebuilt(session: Session, record: StepRecord) -> Step:
    resource = session.cloud.rebuild(record.kind, record.identity)
    return Step(
        name=record.name, resource=resource, identity=record.identity, title=record.name, holds_data=record.holds_data
    )
