"""`memdeploy rescue`: databases of 0.3.9 on which somebody started 0.4.0 by hand, brought back to what 0.3.9 takes.

0.4.0 changes two things in the tables when it starts and can then use nothing of what is stored, while 0.3.9 does not
start any more. As long as 0.4.0 stored nothing, both are put back; the container's word `rescue` looks and does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.events import EventKind, Sink
from memdeploy.engine.graph import Graph
from memdeploy.errors import ExitCode, MemdeployError, Refused
from memdeploy.lifecycle import dataruns, moving
from memdeploy.lifecycle.agreeing import agreed
from memdeploy.lifecycle.changing import Changing, change
from memdeploy.lifecycle.outcome import error_of, seconds_since
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Outcome, Result, error_entry
from memdeploy.lifecycle.unfinished import RESCUING, fact, refuse
from memdeploy.state.journal import DeploymentStatus


def rescue(request: Request, sink: Sink) -> Result:
    """Exit 3 with nothing touched for tables that this cannot put back. Interrupted: the same command goes on."""
    with change(request, sink) as changing:
        opened = changing.session
        start = opened.clock.boottime()
        refuse(changing.journal)
        opened.begin(opened.graph)
        found = _word(changing, ("--check",))
        begun = fact(changing.journal, RESCUING)
        data: dict[str, Any] = {**opened.header(), "found": dict(begun or found), "changed": False}
        _refuse_used(changing, found)
        if found["state"] == "broken":
            if not begun and not _agreed(changing):
                return _ended(changing, data, start)
            _put_back(changing, begun or found)
        elif not begun:
            return _ended(changing, data, start)
        error = error_of(moving.deploy(changing), "up")
        if error is None:
            changing.writer.update(status=DeploymentStatus.READY, facts={RESCUING: None})
        data |= {"changed": True, "found": {**data["found"], "rescued": True}}
        return _ended(changing, data, start, error)


def _ended(changing: Changing, data: dict[str, Any], start: float, error: MemdeployError | None = None) -> Result:
    code = ExitCode(error.exit_code) if error else ExitCode.DONE
    status: Outcome = "error" if error else "success"
    data["seconds"] = seconds_since(changing.session.clock, start)
    changing.session.tell(EventKind.RUN_FINISHED, status=status, exit_code=int(code), seconds=data["seconds"])
    return Result("rescue", status, code, data, [error_entry(error)] if error else [])


def _refuse_used(changing: Changing, found: Mapping[str, Any]) -> None:
    """Raises `Refused` for what only a backup brings back (`docker/rescue.py`: its states)."""
    if found["state"] == "used":
        raise Refused(
            f"the tables of {changing.journal.name} cannot be put back: 0.4.0 has stored something in them",
            code="rescue-refused",
            where=changing.journal.name,
            suggestion=f"`memdeploy restore ARCHIVE --name {changing.journal.name}` brings back what a backup holds.",
        )


def _put_back(changing: Changing, found: Mapping[str, Any]) -> None:
    """The journal says so first: the service is stopped, and who finds the tables whole has yet to start it."""
    changing.writer.update(facts={RESCUING: dict(found)})
    dataruns.must(changing, changing.session.cloud.dumping(changing.place.folder), {dataruns.STOP})
    _word(changing, ())


def _word(changing: Changing, arguments: tuple[str, ...]) -> Mapping[str, Any]:
    step = changing.session.cloud.tool("rescue", arguments)
    return dataruns.must(changing, Graph([step])).step(step.name).outputs or {}


def _agreed(changing: Changing) -> bool:
    return agreed(
        changing.session.request,
        f"Put the tables of {changing.journal.name} back to what 0.3.9 takes?",
        needed="somebody has to agree to change the tables",
        suggestion="Add --yes after a backup.",
    )
