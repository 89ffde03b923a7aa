"""The log of a run that goes through no graph: `history` shows it like any other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

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

    def ended(status: str, code: int) -> Event:
        data = {"status": status, "exit_code": code, "seconds": round(clocks.boottime() - start, 2)}
        return Event(EventKind.RUN_FINISHED, clocks.now(), data=data)

    with contextlib.ExitStack() as stack:
        log = _log(place, command, clocks.now(), stack)
        data = {"command": command, "by": place.leases().who, **header, "steps": []}
        log(Event(EventKind.RUN_STARTED, clocks.now(), data=data))
        try:
            yield log
        except MemdeployError as error:
            log(ended("error", int(error.exit_code)))
            raise
        log(ended("success", 0))


def _log(place: Place, command: str, at: float, stack: contextlib.ExitStack) -> Sink:
    """None that could be made is no reason not to free a lease: that needs no room."""
    try:
        log: RunLog = place.runs().begin(command, at)
    except JournalError:
        return lambda event: None
    return stack.enter_context(log)
