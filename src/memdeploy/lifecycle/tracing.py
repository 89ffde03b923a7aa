"""Whether a deployment that nothing is journalled of is there all the same: by what carries a marker of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Step
from memdeploy.errors import CloudError, ErrorKind, NoSuchDeployment, Refused
from memdeploy.lifecycle.outcome import error_of
from memdeploy.lifecycle.session import PREFLIGHT, Session
from memdeploy.providers.base import Trace

#: What keeps us from looking and is for preflight to name, with its remedy.
_PREFLIGHTS = frozenset(
    {
        ErrorKind.PERMISSION,
        ErrorKind.NOT_ENABLED,
        ErrorKind.NOT_FOUND,
        ErrorKind.UNAUTHENTICATED,
        ErrorKind.INVALID,
    }
)


def asked(opened: Session, step: Step) -> Mapping[str, Any]:
    """The outputs of a transient step that only reads. Raises what went wrong."""
    ran = opened.reader(Graph([step]), sink=lambda event: None).ensure()
    error = error_of(ran, opened.request.command)
    if error is not None:
        raise error
    return ran.step(step.name).outputs or {}


def traces(opened: Session, *, thorough: bool) -> list[Trace]:
    found: Sequence[Mapping[str, str]] = asked(opened, opened.cloud.traces(thorough=thorough))["traces"]
    return [Trace(**one) for one in found]


def refuse_lost(opened: Session) -> None:
    """Raises `Refused` when a deployment of this name is there that this state folder knows nothing of: to begin anew
    beside it would cost twice, and find none of its memories."""
    try:
        found = traces(opened, thorough=False)
    except CloudError as error:
        if error.kind in _PREFLIGHTS:
            return
        checked = opened.reader(opened.graph.only([PREFLIGHT]), sink=lambda event: None).ensure()
        if isinstance(checked.error, Refused):  # in its words: it looks for all causes at once
            raise checked.error from error
        raise Refused(
            error.message, code=error.code, where=error.where, suggestion=error.suggestion, retryable=True
        ) from error
    if found:
        raise already_there(found, opened.journal.name, opened.cloud.target, str(opened.deployments.root))


def already_there(found: Sequence[Trace], name: str, target: str, root: str) -> Refused:
    """In words for whoever meets it first: most often it is somebody else's, who took the same name."""
    return Refused(
        f"a deployment {name} is in {target} already: {'; '.join(_told(found))}. {root} has no journal of it, so it is"
        " not touched: it may be a colleague's; or it is yours, and its journal is lost or kept elsewhere",
        code="journal-lost",
        where=root,
        suggestion=f"Somebody else's: deploy yours beside it under another --name. Yours, journal lost: `memdeploy"
        f" recover --name {name}` with the same options writes it anew. Journal in another folder: name that with"
        " --state.",
    )


def _told(found: Sequence[Trace]) -> list[str]:
    """A line for each deployment: there may be several of that name."""
    lines = []
    for own in sorted({(trace.suffix, trace.id) for trace in found}):
        traces = [trace for trace in found if (trace.suffix, trace.id) == own]
        since = min((trace.since for trace in traces if trace.since), default="")
        more = f" and {len(traces) - 1} more" if len(traces) > 1 else ""
        when = f", since {since}" if since else ""
        lines.append(f"suffix {own[0]}, id {own[1]}{when} ({traces[0].what}{more})")
    return lines


def chosen(found: Sequence[Trace], name: str, suffix: str | None, target: str) -> Trace:
    """The one deployment of that name, or of that `suffix`. Raises `NoSuchDeployment`, or `Refused` for several."""
    pairs = {(trace.id, trace.suffix): trace for trace in reversed(found) if suffix in (None, trace.suffix)}
    if not pairs:
        wanted = f"{name} with suffix {suffix}" if suffix else name
        raise NoSuchDeployment(
            f"nothing in {target} carries the marker of a deployment {wanted}",
            where=target,
            suggestion="Name its project and region (and --rehearse, or the rehearsal's endpoint) as when it was made.",
        )
    if len(pairs) > 1:
        shown = "; ".join(f"{trace.suffix} ({trace.what})" for trace in pairs.values())
        raise Refused(
            f"there are {len(pairs)} deployments named {name} in {target}: {shown}",
            code="several-suffixes",
            where="--suffix",
            suggestion=f"Say which one: `memdeploy recover --name {name} --suffix {next(iter(pairs))[1]}`.",
        )
    return next(iter(pairs.values()))
