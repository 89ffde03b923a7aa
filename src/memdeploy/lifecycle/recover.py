"""`memdeploy recover`: a lost or unreadable journal, written anew from what carries the deployment's marker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from memdeploy.config.load import override
from memdeploy.engine.events import Event, EventKind, Sink
from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.step import Observed, State
from memdeploy.errors import AnswerNeeded, ExitCode, JournalError, NoSuchDeployment, Refused
from memdeploy.lifecycle import configuration, rebuilt, recording, recover_shared, rehearsing, tracing, where
from memdeploy.lifecycle.memory import MemoryLedger, NoLease
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result
from memdeploy.lifecycle.session import DEPLOYMENT, PREFLIGHT, SHARED, Session, session
from memdeploy.state.deployments import Deployments, Place
from memdeploy.state.journal import DeploymentStatus, Journal

COMMAND = "recover"
#: Configuration on which stored memories depend: where nothing tells it any more, somebody has to know.
_VITAL = ("release", "model.embedding", "model.dimensions")
_GIVEN_SECRETS = ("secret.model", "secret.external")


@dataclass(frozen=True)
class Seen:
    """What is there: the graph's steps by name, and the notes that it still tells; and what preflight put out."""

    observed: Mapping[str, Observed]
    preflight: Mapping[str, StepRecord]
    notes: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Found:
    """`told`: the paths of configuration that what stands there told. None: the deployment's own journal is not to be
    written, for it is in order, or nothing of it is there. `damaged`: that of what is shared is, and `session` has
    none."""

    session: Session
    damaged: bool
    told: frozenset[str] | None = None


def recover(request: Request, sink: Sink) -> Result:
    """Exit 3 when there is nothing to recover, or several deployments of that name; 8 when nothing carries its marker.
    Changes nothing but journals: the deployment's own and that of what it shares, of which copies are kept."""
    deployments = where.deployments(request.state)
    name = _name(request, deployments)
    place = deployments.place(name)
    journal = _readable(place)
    with session(_asked(request, name, place, journal), sink, journal=journal, deployments=deployments) as opened:
        _same_world(opened, place)
        damaged = recover_shared.damaged(opened)
        if journal is not None and not damaged:
            raise Refused(
                f"the journal of {name} is in order: there is nothing to recover",
                code="journal-in-order",
                where=str(place.folder),
                suggestion="`memdeploy up` brings about what differs; `memdeploy status` shows it.",
            )
        drafted = replace(opened, shared=None) if damaged else opened  # it tells nothing
        found = _found(drafted, damaged) if journal is None else Found(drafted, damaged)
        return Result(COMMAND, "success", ExitCode.DONE, _written(found, place))


def _written(found: Found, place: Place) -> dict[str, Any]:
    opened, seen = found.session, _look(found.session)
    data = {**opened.header(), "status": str((place.earlier() or opened.journal).status)}
    if found.told is not None:
        opened.deployments.ground(place.name)
    elif not place.folder.is_dir():  # a name that was never deployed has no history
        return data | _shared(found, seen)
    with recording.recorded(place, COMMAND, opened.header()) as log:
        if found.told is not None:
            data |= {**_own(opened, seen), "assumed": _assumed(opened, found.told)}
        data |= _shared(found, seen)
        for step in (*data.get("recovered", ()), *data.get("shared", ())):
            log(Event(EventKind.STEP_FINISHED, opened.clock.now(), step["step"], {"action": "adopted", "seconds": 0.0}))
    return data


# -- what is lost ----------------------------------------------------------------------------------------------------


def _name(request: Request, deployments: Deployments) -> str:
    """The one named, else the only one that cannot be read, else the only one."""
    if request.name is not None:
        return request.name
    unreadable = [listed.name for listed in deployments.list() if listed.error is not None]
    for names in (unreadable, deployments.names()):
        if len(names) == 1:
            return names[0]
    raise AnswerNeeded(
        f"there are several unreadable journals: {', '.join(unreadable)}" if unreadable else "no deployment is named",
        suggestion="Name it with --name NAME.",
    )


def _readable(place: Place) -> Journal | None:
    """None when it is lost: not there, damaged, another deployment's. A newer version's is none of these, and is not
    written over; that of a deployment which was destroyed says nothing of one that is there now."""
    try:
        journal = place.read()
    except NoSuchDeployment:
        return None
    except JournalError as error:
        if error.code not in recover_shared.LOST:
            raise
        return None
    return None if journal.status == DeploymentStatus.DESTROYED else journal


def _asked(request: Request, name: str, place: Place, journal: Journal | None) -> Request:
    """With the configuration of an older snapshot below what file and flags say."""
    earlier = place.earlier() if journal is None else None
    if earlier is None:
        return replace(request, name=name)
    known = configuration.recorded(earlier)
    deployment = request.deployment if request.from_file else override(known, request.given)
    return replace(request, name=name, deployment=deployment, rehearse=request.rehearse or bool(earlier.rehearsal))


def _same_world(drafted: Session, place: Place) -> None:
    """A rehearsal's things under a real deployment's name, or the other way round, are not what was lost."""
    earlier = place.earlier()
    rehearsing.check(earlier.binding if earlier else None, drafted.stage)


# -- what is there ---------------------------------------------------------------------------------------------------


def _found(drafted: Session, damaged: bool) -> Found:
    """The session of the deployment that carries the marker, configured as it stands."""
    name, request = drafted.journal.name, drafted.request
    try:
        trace = tracing.chosen(tracing.traces(drafted, thorough=True), name, request.suffix, drafted.cloud.target)
    except NoSuchDeployment:
        if not damaged:
            raise
        return Found(drafted, damaged)
    drawn = replace(drafted.journal, id=trace.id, suffix=trace.suffix)
    known = drafted.of(drafted.deployment, drawn)
    told = tracing.asked(known, known.cloud.settings())
    deployment = override(known.deployment, told)
    identity = configuration.identity(deployment)
    journal = replace(drawn, configuration=deployment.model_dump(mode="json"), identity=identity)
    return Found(known.of(deployment, journal), damaged, frozenset(told))


def _look(found: Session) -> Seen:
    """Raises `Refused` for what may not be read: a journal without it would never remove it."""
    graph = found.cloud.everything()
    preflight = _preflight(found)
    ledgers = {DEPLOYMENT: MemoryLedger(preflight), SHARED: MemoryLedger({})}
    observed = found.runner(graph, ledgers, dict.fromkeys(ledgers, NoLease())).recover()
    hidden = [name for name, seen in observed.items() if seen.state is State.UNREADABLE]
    if hidden:
        raise Refused(
            f"{', '.join(hidden)} may not be read: {observed[hidden[0]].reason}",
            code="unreadable",
            where=hidden[0],
            suggestion="Recover with the rights that deployed it: `memdeploy doctor --print-role` prints them.",
        )
    return Seen(observed, preflight, {name: ledgers[graph[name].scope].record(name).notes for name in observed})


def _preflight(found: Session) -> dict[str, StepRecord]:
    """Steps need what it puts out. What it refuses keeps `up` from its end, and says nothing of what is there."""
    if PREFLIGHT not in found.graph:
        return {}
    ran = found.reader(found.graph.only([PREFLIGHT]), sink=lambda event: None).ensure()
    kind, outputs = found.graph[PREFLIGHT].resource.kind, ran.step(PREFLIGHT).outputs
    return {PREFLIGHT: StepRecord(PREFLIGHT, kind, status=Status.DONE, outputs=outputs)} if outputs else {}


# -- what is written -------------------------------------------------------------------------------------------------


def _own(found: Session, seen: Seen) -> dict[str, Any]:
    every = found.cloud.everything()
    steps = rebuilt.at_rest(every, rebuilt.records(every, seen.observed, seen.notes, DEPLOYMENT))
    facts = {rebuilt.RECOVERED: {"at": found.clock.now()}}
    status = rebuilt.status(found.graph, steps)
    journal = replace(found.journal, steps={**seen.preflight, **steps}, facts=facts, status=status)
    place = found.deployments.ground(journal.name)
    with place.acquire(COMMAND, wait=0.0, cancel=found.request.cancel) as lease:
        if _readable(place) is not None:
            raise Refused(
                f"{journal.name} was recovered or made by another run meanwhile", code="journal-in-order",
                where=str(place.folder), suggestion="`memdeploy status` shows it.",
            )  # fmt: skip
        kept = place.rebuild(lease, journal)
    foreign = [name for name, one in seen.observed.items() if one.state is State.FOREIGN]
    return {
        "suffix": journal.suffix,
        "status": str(status),
        "recovered": _listed(steps),
        "asked_again": [name for name in _GIVEN_SECRETS if name in steps],
        **({"copy": kept} if kept else {}),
        **({"foreign": foreign} if foreign else {}),
    }


def _listed(records: Mapping[str, StepRecord]) -> list[dict[str, str]]:
    return [{"step": name, "status": str(record.status)} for name, record in records.items()]


def _assumed(found: Session, told: frozenset[str]) -> dict[str, Any]:
    """What nothing told, as file and flags have it, or the default: somebody has to know whether it is so."""
    return {path: _at(found, path) for path in _VITAL if path not in told}


def _at(found: Session, path: str) -> Any:
    value: Any = found.deployment
    for part in path.split("."):
        value = getattr(value, part)
    return value


def _shared(found: Found, seen: Seen) -> dict[str, Any]:
    """Where there is a journal of it that can be read, it stays."""
    opened = found.session
    records = rebuilt.records(opened.cloud.everything(), seen.observed, seen.notes, SHARED)
    if opened.shared is not None or not (records or found.damaged):
        return {}
    kept = recover_shared.write(opened, records)
    return {"shared": _listed(records), **({"shared_copy": kept} if kept else {})}
