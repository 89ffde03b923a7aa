"""The log of a run that goes through no graph: `history` shows it like any other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from memdeploy.engine.clock import Clock
from memdeploy.engine.events import Event, EventKind, Sink
from memdeploy.errors import JournalError, MemdeployError
from memdeploy.state.deployments import Place
from memdeploy.state.lease import Clocks
from memdeploy.state.runs import RunLog


@contextlib.contextmanager
def recorded(place: Place, command: str, header: Mapping[str, Any]) -> Iterator[Sink]:
    """What it did may be told meanwhile. `header` as `Session.header` has it."""
    clocks = Clocks()
    start = clocks.boottime()

    with contextlib.ExitStack() as stack:
        log = _log(place, command, clocks.now(), stack)
        data = {"command": command, "by": place.leases().who, **header, "steps": []}
        log(Event(EventKind.RUN_STARTED, clocks.now(), data=data))
        with broken_off(log, clocks):
            yield log
        log(_ended(clocks, start, "success", 0))


@contextlib.contextmanager
def broken_off(log: Sink, clock: Clock | Clocks) -> Iterator[None]:
    """A run that an error ends has an end in its log, unlike one that was killed."""
    start = clock.boottime()
    try:
        yield
    except MemdeployError as error:
        log(_ended(clock, start, "error", int(error.exit_code)))
        raise


def _ended(clock: Clock | Clocks, start: float, status: str, code: int) -> Event:
    data = {"status": status, "exit_code": code, "seconds": round(clock.boottime() - start, 2)}
    return Event(EventKind.RUN_FINISHED, clock.now(), data=data)


def _log(place: Place, command: str, at: float, stack: contextlib.ExitStack) -> Sink:
    """None that could be made is no reason not to free a lease: that needs no room."""
    try:
        log: RunLog = place.runs().begin(command, at)
    except JournalError:
        return lambda event: None
    return stack.enter_context(log)
