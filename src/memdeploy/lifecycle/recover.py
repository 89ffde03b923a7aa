"""`memdeploy recover`: a lost or unreadable journal, written anew from what carries the deployment's marker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from memdeploy.config.load import override
from memdeploy.engine.events import Sink
from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.step import Observed, State
from memdeploy.errors import AnswerNeeded, ExitCode, JournalError, NoSuchDeployment, Refused
from memdeploy.lifecycle import configuration, rebuilt, rehearsing, tracing, where
from memdeploy.lifecycle.memory import MemoryLedger, NoLease
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result
from memdeploy.lifecycle.session import DEPLOYMENT, PREFLIGHT, SHARED, Session, session, shared_place
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


def recover(request: Request, sink: Sink) -> Result:
    """Exit 3 when there is nothing to recover, or several deployments of that name; 8 when nothing carries its marker.
    Changes nothing but the journal, of which a copy is kept."""
    deployments = where.deployments(request.state)
    name = _name(request, deployments)
    place = deployments.place(name)
    journal = _readable(place)
    with session(_asked(request, name, place, journal), sink, journal=journal, deployments=deployments) as drafted:
        _same_world(drafted, place)
        if journal is not None and not _lost_shared(drafted):
            raise Refused(
                f"the journal of {name} is in order: there is nothing to recover",
                code="journal-in-order",
                where=str(place.folder),
                suggestion="`memdeploy up` brings about what differs; `memdeploy status` shows it.",
            )
        found, told = _found(drafted) if journal is None else (drafted, frozenset())
        seen = _look(found)
        if journal is None:
            data = {**found.header(), **_own(found, seen), "assumed": _assumed(found, told)}
        else:
            data = {**found.header(), "status": str(journal.status)}
        return Result(COMMAND, "success", ExitCode.DONE, data | _shared(found, seen))


# -- what is lost ----------------------------------------------------------------------------------------------------


def _name(request: Request, deployments: Deployments) -> str:
    if request.name is not None:
        return request.name
    unreadable = [listed.name for listed in deployments.list() if listed.error is not None]
    if len(unreadable) == 1:
        return unreadable[0]
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
        if error.code not in ("journal-damaged", "journal-of-another"):
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


def _lost_shared(opened: Session) -> bool:
    try:
        return opened.shared is not None and not opened.shared.read()
    except JournalError as error:
        if error.code != "journal-damaged":
            raise
        return True


# -- what is there ---------------------------------------------------------------------------------------------------


def _found(drafted: Session) -> tuple[Session, frozenset[str]]:
    """The session of the deployment that carries the marker, configured as it stands; and the paths of configuration
    that what stands there told."""
    name, request = drafted.journal.name, drafted.request
    trace = tracing.chosen(tracing.traces(drafted, thorough=True), name, request.suffix, drafted.cloud.target)
    drawn = replace(drafted.journal, id=trace.id, suffix=trace.suffix)
    known = drafted.of(drafted.deployment, drawn)
    told = tracing.asked(known, known.cloud.settings())
    deployment = override(known.deployment, told)
    identity = configuration.identity(deployment)
    journal = replace(drawn, configuration=deployment.model_dump(mode="json"), identity=identity)
    return known.of(deployment, journal), frozenset(told)


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


def _shared(found: Session, seen: Seen) -> dict[str, Any]:
    """What deployments share has a journal of its own, which may be lost as well. Its names are fixed."""
    records = rebuilt.records(found.cloud.everything(), seen.observed, seen.notes, SHARED)
    if not records or (found.shared is not None and not _lost_shared(found)):
        return {}
    place = shared_place(found, create=True)
    if place is None:
        return {}
    drawn = found.deployments.draft(
        "_shared", provider=str(found.deployment.provider), identity=configuration.identity(found.deployment),
        binding=found.stage.binding, configuration={},
    )  # fmt: skip
    journal = replace(drawn, id=found.cloud.shared_marker, suffix="", steps=records)
    with place.acquire(COMMAND, wait=600.0, cancel=found.request.cancel) as lease:
        place.rebuild(lease, journal)
    return {"shared": _listed(records)}
