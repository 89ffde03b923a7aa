"""`memdeploy destroy`: everything of one deployment, without --delete-data all but its memories; --shared: the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memdeploy.engine.events import EventKind, Sink
from memdeploy.engine.ledger import Kept
from memdeploy.engine.results import RunResult
from memdeploy.errors import AnswerNeeded, ExitCode, NotYet, Refused, UsageError
from memdeploy.lifecycle import orphans, unfinished, where
from memdeploy.lifecycle.agreeing import agreed
from memdeploy.lifecycle.changing import Changing, change, shared_at_rest
from memdeploy.lifecycle.outcome import error_of, leftovers, removed, seconds_since
from memdeploy.lifecycle.rebuilt import RECOVERED
from memdeploy.lifecycle.rehearsing import leave
from memdeploy.lifecycle.removal import Removal, removal
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Outcome, Result, error_entry
from memdeploy.lifecycle.session import Session
from memdeploy.state.journal import DeploymentStatus

_BEGUN = frozenset({DeploymentStatus.DESTROYING, DeploymentStatus.LEFTOVERS})


def destroy(request: Request, sink: Sink) -> Result:
    """Exit 3 with nothing touched when something is protected; 11 when the cloud holds leftovers for hours."""
    if request.shared:
        from memdeploy.lifecycle.destroy_shared import destroy_shared

        return destroy_shared(request, sink)
    try:
        return _destroy_one(request, sink)
    finally:
        leave(where.deployments(request.state))


def _destroy_one(request: Request, sink: Sink) -> Result:
    with change(request, sink) as changing:
        _refuse_early_finish(changing)
        _refuse_half_loaded(changing)
        changing = _with_everything(changing)
        opened = changing.session
        start = opened.clock.boottime()
        chosen = _chosen(changing)
        opened.begin(opened.graph)
        _refuse_protected(changing, chosen)
        data: dict[str, Any] = {**opened.header(), "delete_data": _deletes_data(changing)}
        if _unconfirmed(changing):
            return _listed(opened, chosen, data)
        if not _agreed(opened, chosen):
            return Result("destroy", "success", ExitCode.DONE, data)
        found = _remove(changing, chosen)
        data |= _done_part(changing, chosen, found, seconds_since(opened.clock, start))
        return _result(opened, data, found)


def _with_everything(changing: Changing) -> Changing:
    """What an earlier configuration made goes with the rest."""
    opened = changing.session
    return replace(changing, session=replace(opened, graph=orphans.whole(opened, changing.journal.steps)))


def _refuse_early_finish(changing: Changing) -> None:
    """`--finish` asks nothing, so it may only go on with what somebody agreed to."""
    if changing.session.request.finish and changing.journal.status not in _BEGUN:
        raise UsageError(
            f"no destroy of {changing.journal.name} was begun: there is nothing to finish",
            code="nothing-to-finish",
            where="--finish",
            suggestion=f"Run `memdeploy destroy --name {changing.journal.name}`.",
        )


def _refuse_half_loaded(changing: Changing) -> None:
    """Memories that stay have to be whole: at rest, what was interrupted could not be gone on with."""
    if _deletes_data(changing) or changing.journal.status in _BEGUN:
        return
    try:
        unfinished.refuse(changing.journal)
    except Refused as error:
        error.suggestion = f"{error.suggestion} Or remove its memories, too: --delete-data."
        raise


def _deletes_data(changing: Changing) -> bool:
    """`--finish` goes on with what an earlier destroy began, data included when that one was told so."""
    begun = bool(changing.journal.facts.get("delete_data"))
    return changing.session.request.delete_data or (changing.session.request.finish and begun)


def _chosen(changing: Changing) -> Removal:
    deletes = _deletes_data(changing)
    return removal(changing.session.graph, changing.journal.steps, delete_data=deletes)


def _refuse_protected(changing: Changing, chosen: Removal) -> None:
    opened = changing.session
    found = changing.runner(opened.graph, shared_at_rest(opened)).protections(chosen.remove)
    if found:
        step, reason = next(iter(found.items()))
        others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise Refused(
            f"{reason}{others}; nothing was touched",
            code="protected",
            where=step,
            suggestion="Lift the protection where it was set, then run `memdeploy destroy` again.",
        )


def _unconfirmed(changing: Changing) -> bool:
    """What a recovered journal holds was read off markers, and no `up` confirmed it since: --yes says too little."""
    request, name = changing.session.request, changing.journal.name
    return RECOVERED in changing.journal.facts and not request.finish and request.confirmed != name


def _listed(opened: Session, chosen: Removal, data: Mapping[str, Any]) -> Result:
    """Everything that would go and stay, and how to say that this is meant."""
    name = opened.journal.name
    error = AnswerNeeded(
        f"the journal of {name} was recovered, and no `up` confirmed it since: read what would be removed",
        code="confirm-needed",
        where="--confirm",
        suggestion=f"When all of this is what you mean, run it again with --confirm {name}.",
    )
    would = {
        "would_remove": [{"step": step, "what": opened.graph[step].title} for step in chosen.remove],
        "would_keep": [{"step": step, "what": opened.graph[step].title} for step in (*chosen.retain, *chosen.keep)],
    }
    return Result("destroy", "error", ExitCode.ANSWER_NEEDED, {**data, **would}, [error_entry(error)])


def _agreed(opened: Session, chosen: Removal) -> bool:
    request = opened.request
    what = "everything, its memories included" if request.delete_data else "everything but its memories"
    return (
        request.finish
        or not chosen.remove
        or agreed(
            request,
            f"Remove {opened.journal.name} from {opened.cloud.target}: {what}?",
            needed="somebody has to agree to the removal",
            suggestion="Add --yes to remove it without asking.",
        )
    )


def _remove(changing: Changing, chosen: Removal) -> RunResult:
    opened = changing.session
    begun = {"delete_data": True} if _deletes_data(changing) else {}
    changing.writer.update(status=DeploymentStatus.DESTROYING, facts=begun)
    runner = changing.runner(opened.graph, shared_at_rest(opened), keep_going=True)
    found = runner.remove(chosen.remove, retain=chosen.retain)
    if found.ok:
        for name in chosen.keep:
            changing.writer.commit(name, Kept())
    changing.writer.update(status=_status(chosen, found))
    return found


def _status(chosen: Removal, found: RunResult) -> DeploymentStatus:
    if isinstance(found.error, NotYet):
        return DeploymentStatus.LEFTOVERS
    if not found.ok:
        return DeploymentStatus.DESTROYING
    return DeploymentStatus.RETAINED if chosen.retain else DeploymentStatus.DESTROYED


def _done_part(changing: Changing, chosen: Removal, found: RunResult, seconds: float) -> dict[str, Any]:
    records = changing.journal.steps
    return {
        "removed": removed(found),
        "kept": _kept(changing.session, chosen) if found.ok else [],
        "backups": [dict(r.notes["final"]) for r in records.values() if "final" in r.notes],
        "leftovers": leftovers(found),
        "seconds": seconds,
        **_finish(changing, found),
    }


def _kept(opened: Session, chosen: Removal) -> list[Mapping[str, Any]]:
    costs = opened.cloud.kept_costs()
    rows: list[Mapping[str, Any]] = []
    for name in (*chosen.retain, *chosen.keep):
        row: dict[str, Any] = {"step": name, "what": opened.graph[name].title}
        row |= {"cost_per_month": costs[name]} if name in costs else {}
        rows.append(row | ({"reason": "holds memories"} if name in chosen.retain else {}))
    return rows


def _finish(changing: Changing, found: RunResult) -> dict[str, str]:
    if not isinstance(found.error, NotYet):
        return {}
    return {"finish": f"memdeploy destroy --finish --name {changing.journal.name}"}


def _result(opened: Session, data: dict[str, Any], found: RunResult) -> Result:
    error = error_of(found, "destroy")
    code = ExitCode(error.exit_code) if error else ExitCode.DONE
    status: Outcome = "success" if error is None else "partial" if data["removed"] else "error"
    opened.tell(EventKind.RUN_FINISHED, status=status, exit_code=int(code), seconds=data["seconds"])
    return Result("destroy", status, code, data, [error_entry(error)] if error else [])
