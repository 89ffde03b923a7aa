"""A session that may change things: the lease is held, the journal is ours to write, the run is logged."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from memdeploy.engine.events import Event, EventKind, Sink
from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import Guard, Ledger, Status
from memdeploy.engine.runner import Runner
from memdeploy.engine.step import Observed, State
from memdeploy.errors import Locked, Refused
from memdeploy.lifecycle import naming, testing, where
from memdeploy.lifecycle.memory import MemoryLedger, NoLease
from memdeploy.lifecycle.recording import broken_off
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.session import DEPLOYMENT, SHARED, Session, session, shared_place
from memdeploy.lifecycle.tracing import refuse_lost
from memdeploy.state.deployments import Place
from memdeploy.state.journal import DeploymentStatus, Journal
from memdeploy.state.lease import Holder, Lease
from memdeploy.state.writer import JournalWriter

WAIT = 24 * 3600.0  # --wait: as long as it takes
SHARED_WAIT = 600.0  # what is shared is made in a minute or two; another run may be making it now


@dataclass(frozen=True)
class Changing:
    """`born` says that the deployment did not exist before this command."""

    session: Session
    place: Place
    lease: Lease
    writer: JournalWriter
    born: bool

    @property
    def journal(self) -> Journal:
        return self.writer.snapshot

    def runner(self, graph: Graph, shared: Shared, *, keep_going: bool = False) -> Runner:
        ledgers: dict[str, Ledger] = {DEPLOYMENT: self.writer.ledger(), SHARED: shared.ledger}
        guards: dict[str, Guard] = {DEPLOYMENT: self.lease, SHARED: shared.guard}
        return self.session.runner(graph, ledgers, guards, shared.sink(self.session.sink), keep_going=keep_going)


@contextlib.contextmanager
def change(request: Request, sink: Sink, *, may_create: bool = False) -> Iterator[Changing]:
    """Raises `Locked` when another run holds the lease (`--wait` waits for it)."""
    deployments = where.deployments(request.state)
    name = naming.choose(request.name, deployments, may_create=may_create)
    if not may_create:
        naming.required(name, deployments)
    named = replace(request, name=name)
    if may_create and naming.existing(name, deployments) is None:
        with session(named, sink, journal=None, deployments=deployments) as drafted:
            born = _born(drafted)
            if born is not None:
                with (
                    _held(born, request, sink) as (lease, writer),
                    _forgotten_if_new(born, lease, writer),
                    logged(drafted, born, lease) as noted,
                ):
                    yield Changing(noted, born, lease, writer, born=True)
                return
    place = deployments.open(name)
    with (
        _held(place, request, sink) as (lease, writer),
        session(named, sink, journal=writer.snapshot, deployments=deployments) as opened,
        logged(opened, place, lease) as noted,
    ):
        yield Changing(noted, place, lease, writer, born=False)


def _born(drafted: Session) -> Place | None:
    """None when another run made it since we looked: then it is there, and its holder is told or waited for."""
    try:
        refuse_lost(drafted)
        return drafted.deployments.keep(drafted.journal)
    except Refused:
        if naming.existing(drafted.journal.name, drafted.deployments) is None:
            raise
        return None


@contextlib.contextmanager
def _held(place: Place, request: Request, sink: Sink) -> Iterator[tuple[Lease, JournalWriter]]:
    def waiting(holder: Holder) -> None:
        text = f"waiting for {holder.describe()}"
        sink(Event(EventKind.NOTICE, time.time(), data={"text": text, "level": "info"}))

    wait, term = WAIT if request.wait else 0.0, testing.term(place, os.environ)
    with place.acquire(request.command, wait=wait, cancel=request.cancel, term=term, waiting=waiting) as lease:
        writer = place.write(lease)
        naming.refuse_ended(writer.snapshot)
        yield lease, writer


@contextlib.contextmanager
def _forgotten_if_new(place: Place, lease: Lease, writer: JournalWriter) -> Iterator[None]:
    """A deployment that was named and never begun leaves nothing behind."""
    try:
        yield
    finally:
        if writer.snapshot.status == DeploymentStatus.NEW:
            with contextlib.suppress(Locked):  # taken over meanwhile: it is another run's to forget
                place.forget(lease)


_OF_WORK = frozenset({EventKind.STEP_STARTED, EventKind.STEP_FINISHED, EventKind.RUN_FINISHED})


@contextlib.contextmanager
def logged(opened: Session, place: Place, lease: Lease) -> Iterator[Session]:
    """A run that somebody declined, or that ends before its first step, has changed nothing: no log of it stays."""
    told: set[EventKind] = set()
    with place.runs().begin(opened.request.command, opened.clock.now()) as log:

        def both(event: Event) -> None:
            told.add(event.kind)
            log(event)
            opened.sink(event)

        with broken_off(log, opened.clock):
            yield replace(opened, sink=both, by=lease.holder.who)
        if not told & _OF_WORK:
            log.forget()


class Shared:
    """The shared scope during one run: its ledger and guard, and the moment when its lease can be given back."""

    def __init__(self, ledger: Ledger, guard: Guard, until: frozenset[str], release: Callable[[], None]) -> None:
        self.ledger = ledger
        self.guard = guard
        self._waiting = set(until)
        self._release = release
        self._lock = threading.Lock()

    def sink(self, sink: Sink) -> Sink:
        """Gives the lease back when the last step that needs it is done: others are waiting for it."""

        def watched(event: Event) -> None:
            sink(event)
            if event.kind is EventKind.STEP_FINISHED and event.step is not None:
                self._finished(event.step)

        return watched

    def _finished(self, step: str) -> None:
        with self._lock:
            last = self._waiting == {step}
            self._waiting.discard(step)
        if last:
            self._release()


@contextlib.contextmanager
def shared_for_up(opened: Session, observed: Mapping[str, Observed]) -> Iterator[Shared]:
    """The shared scope for `up`. When all of it stands already, nothing will be written and nobody is waited for."""
    until = frozenset({step.name for step in opened.graph if step.scope == SHARED} | {*opened.cloud.proof_of_use})
    steps = opened.shared.read().steps if opened.shared else {}
    if all(_stands(name, observed, steps) for name in until):
        yield Shared(MemoryLedger(steps), NoLease(), frozenset(), lambda: None)
        return
    place = shared_place(opened, create=True)
    if place is None:  # pragma: no cover - made by the line above
        raise AssertionError
    with shared_lease(opened, place) as (lease, writer):
        yield Shared(writer.ledger(), lease, until, lease.release)


@contextlib.contextmanager
def shared_lease(opened: Session, place: Place) -> Iterator[tuple[Lease, JournalWriter]]:
    """Waited for, never refused: it saves work, and what is safe does not rest on it."""
    if place.leases().holder() is not None:
        opened.tell(EventKind.NOTICE, text="waiting for another run that sets up the shared network", level="info")
    with place.acquire(opened.request.command, wait=SHARED_WAIT, cancel=opened.request.cancel) as lease:
        yield lease, place.write(lease)


def shared_at_rest(opened: Session) -> Shared:
    """The shared scope for a command that changes nothing shared but reads what is journalled of it."""
    steps = opened.shared.read().steps if opened.shared else {}
    return Shared(MemoryLedger(steps), NoLease(), frozenset(), lambda: None)


def _stands(name: str, observed: Mapping[str, Observed], steps: Mapping[str, Any]) -> bool:
    seen = observed.get(name)
    if seen is None or seen.state is not State.PRESENT or seen.unknown:
        return False
    record = steps.get(name)
    return record is not None and record.status is Status.DONE
