"""`memdeploy up`: plan, ask, converge, store and find a memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memdeploy.engine.events import EventKind, Sink
from memdeploy.engine.ledger import Kept, Status
from memdeploy.engine.results import Action, RunResult
from memdeploy.engine.step import Observed
from memdeploy.errors import ExitCode, MemdeployError, NotYet
from memdeploy.lifecycle import actions, diagnosis, orphans, unfinished
from memdeploy.lifecycle.agreeing import agreed
from memdeploy.lifecycle.changing import Changing, change, shared_at_rest, shared_for_up
from memdeploy.lifecycle.outcome import error_of, seconds_since
from memdeploy.lifecycle.plan import check_replace, plan_data, planned_actions, tell_plan, warned
from memdeploy.lifecycle.rebuilt import RECOVERED
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Outcome, Result, error_entries, error_entry
from memdeploy.lifecycle.session import Session
from memdeploy.state.journal import DeploymentStatus, Journal

_HALF_DONE = frozenset({Status.RUNNING, Status.FAILED})


def up(request: Request, sink: Sink) -> Result:
    """Exit 3 when the plan is refused, 4 when nobody can answer, 1 when a step failed: run it again to go on."""
    with change(request, sink, may_create=True) as changing:
        opened = changing.session
        start = opened.clock.boottime()
        unfinished.refuse(changing.journal)
        resumed = _half_done(changing.journal)
        check_replace(opened.graph, request.replace)
        opened.begin(opened.graph)
        planned, observed = _plan(changing)
        data = {**opened.header(), **_plan_part(opened, planned), "resumed": resumed}
        refused = actions.refusals(planned, request.replace)
        asked = opened.clock.boottime()
        if refused or not _agreed(opened, planned):
            return _not_begun(data, refused)
        start += opened.clock.boottime() - asked  # how long somebody thought about it is no part of the run
        found = _deploy(changing, observed)
        data |= _done_part(changing, found, seconds_since(opened.clock, start))
        return _result(opened, data, found)


def _plan(changing: Changing) -> tuple[list[actions.Action], Mapping[str, Observed]]:
    opened = changing.session
    observed = replace(opened, journal=changing.journal).observe()
    planned = planned_actions(opened, observed)
    tell_plan(opened, plan_data(opened, planned))
    for text in opened.cloud.warnings():
        opened.tell(EventKind.NOTICE, text=text, level="warning")
    return planned, observed


def _plan_part(opened: Session, planned: list[actions.Action]) -> dict[str, Any]:
    data = plan_data(opened, planned)
    return {"plan": data, "cost_per_month": data["cost_per_month"], "prices": data["prices"]}


def _agreed(opened: Session, planned: list[actions.Action]) -> bool:
    """Raises `AnswerNeeded` when there is a question and nobody who could answer."""
    return not actions.pending(planned) or agreed(
        opened.request,
        f"Deploy {opened.journal.name} to {opened.cloud.target}?",
        needed="somebody has to agree to the plan",
        suggestion="Add --yes after reading `memdeploy plan`.",
    )


def _not_begun(data: dict[str, Any], refused: list[MemdeployError]) -> Result:
    if refused:
        return Result("up", "error", ExitCode.REFUSED, data, [error_entry(error) for error in refused])
    return Result("up", "success", ExitCode.DONE, data)


def _deploy(changing: Changing, observed: Mapping[str, Observed]) -> RunResult:
    opened = changing.session
    configuration = opened.deployment.model_dump(mode="json")
    # A destroy that was told to delete data is over: its `--finish` must not reach what is made from now on.
    changing.writer.update(status=DeploymentStatus.DEPLOYING, configuration=configuration, facts={"delete_data": None})
    with shared_for_up(opened, observed) as shared:
        found = changing.runner(opened.graph, shared).ensure(observed)
        found = diagnosis.explained(changing, shared, observed, found)
    diagnosis.reconsider(changing, found)
    if found.ok:
        found = _remove_orphans(changing, found)
    # What an `up` brought to its end needs no other proof than any journal has.
    changing.writer.update(status=_status(changing, found), facts={RECOVERED: None} if found.ok else None)
    return found


def _status(changing: Changing, found: RunResult) -> DeploymentStatus:
    """What preflight refused was never begun: nothing of it is kept, its project and region included."""
    if found.ok:
        return DeploymentStatus.READY
    begun = any(step.name in changing.journal.steps for step in changing.session.graph if not step.transient)
    return DeploymentStatus.FAILED if begun or not changing.born else DeploymentStatus.NEW


def _remove_orphans(changing: Changing, found: RunResult) -> RunResult:
    """What left the graph goes, once what replaced it stands; data and what it needs stay, at rest. What the cloud
    holds for hours is tried again by the next `up`: the deployment is whole without it."""
    opened, records = changing.session, changing.journal.steps
    every = orphans.whole(opened, records)
    left = orphans.find(opened.graph, every, records, delete_data=opened.request.delete_data)
    resting = {name for name, record in records.items() if record.status is Status.KEPT}
    retain = [name for name in left.data if name not in resting]
    if not left.stateless and not retain:
        return found
    removed = changing.runner(every, shared_at_rest(opened)).remove(left.stateless, retain=retain)
    for name in left.kept if removed.ok else ():
        changing.writer.commit(name, Kept())
    error = None if isinstance(removed.error, NotYet) else removed.error
    return RunResult((*found.steps, *removed.steps), error, removed.cancelled)


def _done_part(changing: Changing, found: RunResult, seconds: float) -> dict[str, Any]:
    outputs = changing.journal.outputs()
    verified = outputs.get("verify", {}).get("verified") if found.ok else None
    shown = [
        {"name": step.name, "status": str(step.action), "seconds": step.seconds, "attempts": step.attempts}
        for step in found.steps
    ]
    data: dict[str, Any] = {
        "steps": shown,
        "seconds": seconds,
        "verified": verified,
        "pending": [step.name for step in found.steps if step.action in (Action.PENDING, Action.SKIPPED)],
        "access": str(changing.session.deployment.service.access),
    }
    data |= warned(changing.session)
    url = outputs.get("service", {}).get("uri")
    return {**data, "url": url, "call": list(changing.session.cloud.how_to_call(outputs))} if url else data


def _result(opened: Session, data: dict[str, Any], found: RunResult) -> Result:
    error = error_of(found, "up")
    code = ExitCode(error.exit_code) if error else ExitCode.DONE
    status: Outcome = "success" if error is None else _failed(found)
    opened.tell(EventKind.RUN_FINISHED, status=status, exit_code=int(code), seconds=data["seconds"])
    data.pop("plan", None)
    return Result("up", status, code, data, error_entries(error) if error else [])


def _failed(found: RunResult) -> Outcome:
    good = (Action.CREATED, Action.UPDATED, Action.UNCHANGED, Action.ADOPTED)
    return "partial" if any(step.action in good for step in found.steps) else "error"


def _half_done(journal: Journal) -> bool:
    records = journal.steps.values()
    return any(record.status in _HALF_DONE or record.intents for record in records)
