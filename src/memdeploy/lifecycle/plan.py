"""`memdeploy plan`: what `up` would do. Reads only, needs no lease, leaves nothing behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from memdeploy.engine.events import EventKind, Sink
from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Observed
from memdeploy.errors import ExitCode, Refused, UsageError
from memdeploy.lifecycle import actions, configuration, naming, orphans
from memdeploy.lifecycle.configuration import SERVICE
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result, error_entry
from memdeploy.lifecycle.session import Session, look, usual_seconds
from memdeploy.lifecycle.tracing import refuse_lost
from memdeploy.providers.base import PriceLine

LIVE = "live"


def plan(request: Request, sink: Sink) -> Result:
    """Exit 3 with the reasons when `up` would refuse."""
    with look(request, sink, may_create=True) as session:
        if naming.existing(session.journal.name, session.deployments) is None:
            refuse_lost(session)
        session.begin(session.graph)
        planned = planned_actions(session, session.observe())
        data = plan_data(session, planned)
        tell_plan(session, data)
        refused = actions.refusals(planned, request.replace)
        whole = {**session.header(), **data}
        if refused:
            return Result("plan", "error", ExitCode.REFUSED, whole, [error_entry(e) for e in refused])
        return Result("plan", "success", ExitCode.DONE, whole)


def check_replace(graph: Graph, names: Collection[str]) -> None:
    """Raises `UsageError` for a step that does not exist, `Refused` for one that holds data."""
    for name in sorted(names):
        if name not in graph:
            raise UsageError(
                f"there is no step {name}",
                code="no-such-step",
                where="--replace",
                suggestion=f"Steps: {', '.join(step.name for step in graph if not step.transient)}.",
            )
        if graph[name].holds_data:
            raise Refused(
                f"{name} holds memories and is never made again",
                code="replace-data",
                where=name,
                suggestion="Leave out --replace for this step; set its option back to what it was.",
            )


def tell_plan(session: Session, data: Mapping[str, Any]) -> None:
    """So that whoever watches sees it before anybody is asked."""
    told = {name: data["counts"][name] for name in ("create", "change", "remove")}
    said = {name: data[name] for name in ("seconds", "actions", "counts", "cost_per_month", "prices")}
    session.tell(EventKind.PLAN_READY, **told, **said)


def planned_actions(session: Session, observed: Mapping[str, Observed]) -> list[actions.Action]:
    records = session.journal.steps
    every = orphans.whole(session, records)
    left = orphans.find(session.graph, every, records, delete_data=session.request.delete_data)
    planned = actions.actions(session.graph, observed, left, every, session.cloud.kept_costs())
    return actions.forbid(planned, SERVICE, configuration.forbidden(session.journal, session.deployment))


def plan_data(session: Session, planned: list[actions.Action]) -> dict[str, Any]:
    busy = [action["step"] for action in planned if action["action"] not in ("unchanged", "orphan", "kept", "remove")]
    live = session.request.live_prices
    lines, said = session.cloud.live_price_lines() if live else (session.cloud.price_lines(), ())
    return {
        "actions": planned,
        "counts": actions.counts(planned),
        "pending": actions.pending(planned),
        "seconds": round(usual_seconds(session.graph, busy), 1),
        "cost_per_month": _cost(session, lines, planned),
        "prices": _prices(session, lines),
        **_priced(session, lines, said),
        **warned(session),
    }


def _cost(session: Session, lines: Sequence[PriceLine], planned: list[actions.Action]) -> float | None:
    """US dollars; None where nothing is paid for."""
    if not session.cloud.prices_of:
        return None
    return round(sum(line.usd for line in lines) + actions.cost_at_rest(planned), 2)


def _priced(session: Session, lines: Sequence[PriceLine], said: Sequence[str]) -> dict[str, Any]:
    """The estimate by line, when it was asked for."""
    if not (session.request.costs or session.request.live_prices):
        return {}
    prices = _prices(session, lines)
    shown = [asdict(line) | {"usd": round(line.usd, 2)} for line in lines]
    missing = session.cloud.not_priced(live=prices == LIVE)
    notices = {"notices": list(said)} if said else {}
    return {"costs": {"prices": prices, "lines": shown, "not_included": missing, **notices}}


def _prices(session: Session, lines: Sequence[PriceLine]) -> str:
    """Of when they are: of the table's month, of now, or some of each."""
    sources = {line.source for line in lines}
    if sources == {LIVE}:
        return LIVE
    return f"{session.cloud.prices_of}, some {LIVE}" if LIVE in sources else session.cloud.prices_of


def warned(session: Session) -> dict[str, list[str]]:
    """What the user should know of this configuration, where there is anything."""
    found = list(session.cloud.warnings())
    return {"warnings": found} if found else {}
