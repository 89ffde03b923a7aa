"""`memdeploy rescue`: databases of 0.3.9 on which somebody started 0.4.0 by hand, brought back to what 0.3.9 takes.

0.4.0 changes two things in the tables when it starts and can then use nothing of what is stored, while 0.3.9 does not
start any more. As long as 0.4.0 stored nothing, both are put back; the container's word `rescue` looks and does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.events import EventKind, Sink
from memdeploy.engine.graph import Graph
from memdeploy.errors import ExitCode
from memdeploy.lifecycle import dataruns, moving
from memdeploy.lifecycle.agreeing import agreed
from memdeploy.lifecycle.changing import Changing, change
from memdeploy.lifecycle.outcome import error_of, seconds_since
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Outcome, Result, error_entry
from memdeploy.lifecycle.unfinished import refuse
from memdeploy.state.journal import DeploymentStatus


def rescue(request: Request, sink: Sink) -> Result:
    """Exit 1 with nothing changed where there is nothing to rescue, or something that this cannot."""
    with change(request, sink) as changing:
        opened = changing.session
        start = opened.clock.boottime()
        refuse(changing.journal)
        opened.begin(opened.graph)
        found = _look(changing)
        data: dict[str, Any] = {**opened.header(), "found": dict(found), "changed": False}
        if found["state"] != "broken" or not _agreed(changing):
            return Result("rescue", "success", ExitCode.DONE, data)
        dataruns.must(dataruns.run(changing, opened.cloud.dumping(changing.place.folder), {dataruns.STOP}))
        done = _word(changing, ())
        brought = moving.deploy(changing)
        error = error_of(brought, "up")
        code = ExitCode(error.exit_code) if error else ExitCode.DONE
        status: Outcome = "error" if error else "success"
        if error is None:
            changing.writer.update(status=DeploymentStatus.READY)
        data |= {"found": dict(done), "changed": True, "seconds": seconds_since(opened.clock, start)}
        opened.tell(EventKind.RUN_FINISHED, status=status, exit_code=int(code), seconds=data["seconds"])
        return Result("rescue", status, code, data, [error_entry(error)] if error else [])


def _look(changing: Changing) -> Mapping[str, Any]:
    return _word(changing, ("--check",))


def _word(changing: Changing, arguments: tuple[str, ...]) -> Mapping[str, Any]:
    step = changing.session.cloud.tool("rescue", arguments)
    return dataruns.must(dataruns.run(changing, Graph([step]))).step(step.name).outputs or {}


def _agreed(changing: Changing) -> bool:
    return agreed(
        changing.session.request,
        f"Put the tables of {changing.journal.name} back to what 0.3.9 takes?",
        needed="somebody has to agree to change the tables",
        suggestion="Add --yes after a backup.",
    )
