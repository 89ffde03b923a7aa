"""`memdeploy logs`: what a component said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from memdeploy.engine.events import EventKind, Sink
from memdeploy.engine.retry import LOOKING
from memdeploy.errors import CloudError, ExitCode, UsageError
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result
from memdeploy.lifecycle.session import Session, look
from memdeploy.providers.base import LogLine, LogQuery

EVERY = 3.0
"Seconds between looks while following: Cloud Logging takes 60 reads a minute of a project."
OVERLAP = 30.0
"Seconds that each look goes back: lines arrive late and out of order. A line's id tells it from those shown before."
_REMEMBERED = 20_000
MANY = 1000
"Lines that a look asks for while following; of the first only the newest are shown."
_PAUSES = (1.0, 4.0, 15.0)
"Seconds before a look is tried again that failed in passing; the last also for the 60 reads a minute."

Show = Callable[[LogLine], None]


def logs(request: Request, sink: Sink) -> Result:
    """With --follow until it is interrupted, which is its usual end: exit 0. `request.logs` says what, `request.show`
    is given each line of a followed log."""
    query = request.logs or LogQuery("service")
    with look(request, sink) as session:
        _check(session, query)
        if request.follow:
            return _follow(session, query, request.show or (lambda line: None))
        lines = _lines(session, query)
        data = {**session.header(), "component": query.component, "lines": [asdict(line) for line in lines]}
        why = {} if lines else {"reason": _why_none(session, query)}
        return Result("logs", "success", ExitCode.DONE, {**data, **why})


def _check(session: Session, query: LogQuery) -> None:
    known = session.cloud.components
    if query.component not in known:
        absent = session.cloud.absent_components.get(query.component)
        raise UsageError(
            f"{session.journal.name} has no {query.component}: {absent}"
            if absent
            else f"there is no component {query.component}",
            code="no-such-component" if absent else "unknown-component",
            where="COMPONENT",
            suggestion=f"There are: {', '.join(known)}.",
        )


def _why_none(session: Session, query: LogQuery) -> str:
    """What is most likely the reason that nothing was found."""
    if session.stage.target is not None and not session.stage.containers:
        return "nothing real runs behind this rehearsal (--backing none), so little is said"
    if query.since is not None or query.level is not None:
        return "--since and --level leave lines out; lines arrive some seconds late"
    return "it has said nothing yet; lines arrive some seconds late"


def _lines(session: Session, query: LogQuery) -> Sequence[LogLine]:
    for pause in _PAUSES:
        try:
            return _look(session, query)
        except CloudError as error:
            if error.kind not in LOOKING or session.request.cancel.cancelled:
                raise
            session.clock.sleep(pause)
    return _look(session, query)


def _look(session: Session, query: LogQuery) -> Sequence[LogLine]:
    try:
        return session.cloud.logs(query)
    except Exception as raised:
        error = session.cloud.classify(raised)
        if error is None:
            raise
        raise error from raised


def _follow(session: Session, query: LogQuery, show: Show) -> Result:
    seen: dict[str, None] = {}
    session.tell(EventKind.NOTICE, text=f"following {query.component}; Ctrl-C ends it", level="info")
    room = query.limit
    query = replace(query, limit=max(room, MANY))
    while True:
        started = session.clock.now()
        new = [line for line in _lines_or_notice(session, query) if line.id not in seen]
        seen.update(dict.fromkeys(line.id for line in new))
        for line in new[-room:]:
            show(line)
        for old in list(seen)[:-_REMEMBERED]:
            del seen[old]
        query, room = replace(query, since=max(query.since or 0.0, started - OVERLAP)), query.limit
        session.clock.sleep(EVERY)
        if session.request.cancel.cancelled:
            return Result("logs", "success", ExitCode.DONE, {**session.header(), "component": query.component})


def _lines_or_notice(session: Session, query: LogQuery) -> Sequence[LogLine]:
    """Whoever follows a log for hours is not sent away by an answer that was lost: the next look is not far."""
    try:
        return _look(session, query)
    except CloudError as error:
        if error.kind not in LOOKING:
            raise
        session.tell(EventKind.NOTICE, text=f"no answer, tried again: {error.message}", level="warning")
        return ()
