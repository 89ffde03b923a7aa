"""`memdeploy unlock`: takes a deployment's lease from a holder that is certainly gone, or is said to be."""

from __future__ import annotations

from typing import Any

from memdeploy.engine.events import Sink
from memdeploy.errors import AnswerNeeded, ExitCode, JournalError, Locked
from memdeploy.lifecycle import naming, recording, where
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result, error_entry
from memdeploy.state.deployments import Place
from memdeploy.state.lease import Held, Standing

COMMAND = "unlock"
FLAG = "--holder-is-gone"


def unlock(request: Request, sink: Sink) -> Result:
    """Needs no readable journal. Exit 4 when somebody has to say that the holder is gone, 5 when they say no. Who is
    unlocked and lives on is stopped by its next look at its lease, and by the journal's fence."""
    deployments = where.deployments(request.state)
    place = deployments.open(naming.choose(request.name, deployments, may_create=False))
    held = place.leases().look()
    header = _header(place)
    data = {**header, "unlocked": False}
    if held is None:
        return Result(COMMAND, "success", ExitCode.DONE, {**data, "holder": None})
    data |= {"holder": _shown(held)}
    if held.standing is Standing.HOLDING and not request.holder_is_gone:
        refused = _ask(request, place, held)
        if refused is not None:
            return Result(COMMAND, "error", ExitCode(refused.exit_code), data, [error_entry(refused)])
    with recording.recorded(place, COMMAND, header):
        place.leases().break_(held.holder)
    return Result(COMMAND, "success", ExitCode.DONE, {**data, "unlocked": True})


def _header(place: Place) -> dict[str, Any]:
    try:
        return where.header(place.read())
    except JournalError:  # it is not what is asked about
        return {"deployment": place.name}


def _shown(held: Held) -> dict[str, Any]:
    holder = held.holder
    if holder is None:
        return {"standing": "damaged"}
    return {
        "standing": str(held.standing),
        "user": holder.user,
        "host": holder.process.host,
        "pid": holder.process.pid,
        "command": holder.command,
        "acquired": holder.acquired,
        "age": round(max(0.0, held.age), 1),
    }


def _ask(request: Request, place: Place, held: Held) -> AnswerNeeded | Locked | None:
    """None: somebody says that it is gone. --yes is no answer to this: it says nothing of the holder."""
    who = held.holder.describe() if held.holder else "somebody whose lease is damaged"
    beat = f", whose last sign of life is {held.age:.0f} s old" if held.holder else ""
    text = f"{place.name} is held by {who}{beat}"
    if not request.interactive or request.confirm is None:
        return AnswerNeeded(
            f"{text}: nothing proves that it is gone",
            code="holder-may-live",
            where=place.name,
            suggestion=f"Let it end, or end it. When you are certain that it is gone, add {FLAG}.",
        )
    if request.confirm(f"{text}. Is it certainly gone?"):
        return None
    return Locked(text, where=place.name, suggestion="Let it end, or end it.")
