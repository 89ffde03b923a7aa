"""`memdeploy upgrade`: another release of MemMachine on the same memories.

Service stopped, backup of both databases, the new release prepared and started, a memory stored and found. When that
fails, both databases and the earlier release come back. From the stop until then the journal says `migrating`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memdeploy.engine.events import EventKind, Sink
from memdeploy.engine.results import RunResult
from memdeploy.errors import ExitCode, MemdeployError, StepFailed
from memdeploy.lifecycle import backup, moving
from memdeploy.lifecycle.agreeing import agreed
from memdeploy.lifecycle.changing import Changing, change
from memdeploy.lifecycle.outcome import error_of, seconds_since
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Outcome, Result, error_entry
from memdeploy.lifecycle.unfinished import PREVIOUS, RESTORING, RETURNING, UPGRADE, fact, refuse
from memdeploy.memmachine import upgrades
from memdeploy.memmachine.releases import DEFAULT
from memdeploy.state.journal import DeploymentStatus


def upgrade(request: Request, sink: Sink) -> Result:
    """Exit 3 with nothing touched for a jump that loses memories; 1 when it failed and the earlier release is back."""
    if request.migrate:
        from memdeploy.lifecycle.migrate import migrate

        return migrate(request, sink)
    with change(request, sink) as changing:
        opened = changing.session
        start = opened.clock.boottime()
        before, after = _releases(changing)
        data: dict[str, Any] = {**opened.header(), "from": before, "to": after}
        if _nothing_to_do(before, after):
            return Result("upgrade", "success", ExitCode.DONE, {**data, "changed": False})
        if not fact(changing.journal, UPGRADE) and not _agreed(changing, before, after):
            return Result("upgrade", "success", ExitCode.DONE, {**data, "changed": False})
        opened.begin(opened.graph)
        saved = _saved(changing, before, after)
        found, error = _gone_on(changing, saved, after)
        data |= {"archive": saved["archive"], "changed": error is None, "seconds": seconds_since(opened.clock, start)}
        data |= {"unfinished": bool(fact(changing.journal, UPGRADE))}
        return _result(changing, data, found, error)


def _releases(changing: Changing) -> tuple[str, str]:
    """From and to: an interrupted upgrade goes on to where it was going."""
    journal, wanted = changing.journal, changing.session.request.to
    begun = fact(journal, UPGRADE)
    if not begun:
        if fact(journal, RESTORING):
            refuse(journal)
        return changing.session.deployment.release, wanted or DEFAULT
    if wanted not in (None, begun["to"]):
        refuse(journal)
    return str(begun["from"]), str(begun["to"])


def _nothing_to_do(before: str, after: str) -> bool:
    """Raises `Refused` with the table's reason."""
    row = upgrades.upgrade(before, after)
    if row.way is upgrades.Way.NONE:
        return True
    if row.way is not upgrades.Way.IN_PLACE:
        raise row.refusal
    return False


def _agreed(changing: Changing, before: str, after: str) -> bool:
    return agreed(
        changing.session.request,
        f"Upgrade {changing.journal.name} from {before} to {after}? A backup comes first; nothing answers meanwhile.",
        needed="somebody has to agree to the upgrade",
        suggestion="Add --yes to upgrade without asking.",
    )


def _saved(changing: Changing, before: str, after: str) -> Mapping[str, Any]:
    """The fact of this upgrade, with its archive: an earlier run's when that one got so far."""
    begun = fact(changing.journal, UPGRADE)
    if begun.get("archive"):
        return begun
    path = backup.place(changing, changing.session.request.archive)
    changing.session.cloud.dumping(path.parent)  # raises now where that cannot be done
    wanted = {
        "from": before, "to": after, "archive": None,
        "configuration": changing.session.deployment.model_dump(mode="json"),
    }  # fmt: skip
    changing.writer.update(status=DeploymentStatus.MIGRATING, facts={UPGRADE: wanted})
    try:
        made = backup.make(changing, path, start_again=False)
    except MemdeployError:
        changing.writer.update(status=DeploymentStatus.READY, facts={UPGRADE: None})
        raise
    saved = {**wanted, "archive": str(made.path)}
    changing.writer.update(facts={UPGRADE: saved})
    return saved


def _gone_on(
    changing: Changing, saved: Mapping[str, Any], after: str
) -> tuple[RunResult | None, MemdeployError | None]:
    """To the new release; or back, where an earlier run was on that way: what it loaded is not the new release's."""
    if saved.get(RETURNING):
        return None, _returned(changing, saved, str(saved[RETURNING]))
    moved = moving.to(changing, changing.session.deployment.model_copy(update={"release": after}))
    found = moving.deploy(moved)
    return found, _ended(changing, moved, saved, found)


def _ended(changing: Changing, moved: Changing, saved: Mapping[str, Any], found: RunResult) -> MemdeployError | None:
    """None when the new release serves. Interrupted: as far as it came, for `upgrade` or `rollback` to go on from."""
    if found.ok:
        configuration = moved.session.deployment.model_dump(mode="json")
        facts = {UPGRADE: None, PREVIOUS: dict(saved)}
        changing.writer.update(status=DeploymentStatus.READY, configuration=configuration, facts=facts)
        return None
    if found.cancelled is not None:
        return error_of(found, "upgrade")
    cause = error_of(found, "upgrade")
    return _returned(changing, saved, cause.message if cause else "for an unknown reason", cause)


def _returned(
    changing: Changing, saved: Mapping[str, Any], why: str, cause: MemdeployError | None = None
) -> MemdeployError:
    """`cause` is known to the run that failed, not to one that goes on with its way back."""
    text = f"{saved['to']} is given up ({why}); going back to {saved['from']}"
    changing.session.tell(EventKind.NOTICE, text=text, level="warning")
    again = moving.back(changing, saved, why)
    if not again.ok:
        left = error_of(again, "rollback")
        return StepFailed(
            f"the upgrade failed ({why}), and so did the way back ({left.message if left else 'stopped'})",
            code="upgrade-and-way-back-failed",
            suggestion=f"`memdeploy rollback` tries the way back again, with {Path(str(saved['archive'])).name}.",
        )
    error = StepFailed(
        f"the upgrade to {saved['to']} failed: {why}. {saved['from']} is back, with all its memories",
        code="upgrade-failed",
        where=cause.where if cause else None,
        suggestion=cause.suggestion if cause else None,
    )
    error.details = cause.details if cause else ()
    return error


def _result(changing: Changing, data: dict[str, Any], found: RunResult | None, error: MemdeployError | None) -> Result:
    outputs = changing.journal.outputs()
    if error is None:
        data |= {"url": outputs["service"]["uri"], "verified": outputs["verify"]["verified"], "release": data["to"]}
    code = ExitCode(error.exit_code) if error else ExitCode.DONE
    status: Outcome = "error" if error else "success"
    steps = [{"name": s.name, "status": str(s.action), "seconds": s.seconds} for s in (found.steps if found else ())]
    changing.session.tell(EventKind.RUN_FINISHED, status=status, exit_code=int(code), seconds=data["seconds"])
    return Result("upgrade", status, code, {**data, "steps": steps}, [error_entry(error)] if error else [])
