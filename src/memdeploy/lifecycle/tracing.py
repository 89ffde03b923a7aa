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
    if not found:
        return
    name, root = opened.journal.name, opened.deployments.root
    raise Refused(
        f"a deployment {name} is in {opened.cloud.target} already ({found[0].what}), and {root} has no journal of it:"
        " lost, or kept elsewhere",
        code="journal-lost",
        where=str(root),
        suggestion=f"`memdeploy recover --name {name}` with the same options writes its journal anew; --state names"
        " another folder; another --name makes another deployment.",
    )


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
