"""`memdeploy rollback`: release and memories as they were before the last upgrade, or before an interrupted one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memdeploy.engine.events import EventKind, Sink
from memdeploy.errors import ExitCode, Refused
from memdeploy.lifecycle import moving
from memdeploy.lifecycle.agreeing import agreed
from memdeploy.lifecycle.changing import Changing, change
from memdeploy.lifecycle.outcome import error_of, seconds_since
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Outcome, Result, error_entry
from memdeploy.lifecycle.unfinished import PREVIOUS, RETURNING, UPGRADE, fact
from memdeploy.memmachine import archive
from memdeploy.memmachine.archive import Manifest
from memdeploy.state.journal import DeploymentStatus


def rollback(request: Request, sink: Sink) -> Result:
    """Exit 3 with nothing touched when there was no upgrade, or its archive is gone or damaged."""
    with change(request, sink) as changing:
        opened = changing.session
        start = opened.clock.boottime()
        upgrade = _upgrade(changing)
        data: dict[str, Any] = {**opened.header(), "from": upgrade["to"], "to": upgrade["from"]}
        if not upgrade["archive"]:
            return _never_saved(changing, data)
        manifest = archive.check(Path(str(upgrade["archive"])))
        if not _agreed(changing, upgrade, manifest):
            return Result("rollback", "success", ExitCode.DONE, {**data, "changed": False})
        opened.begin(opened.graph)
        changing.writer.update(status=DeploymentStatus.MIGRATING, facts={UPGRADE: dict(upgrade)})
        found = moving.back(changing, upgrade, str(upgrade.get(RETURNING) or "it was rolled back"))
        error = error_of(found, "rollback")
        code = ExitCode(error.exit_code) if error else ExitCode.DONE
        status: Outcome = "error" if error else "success"
        data |= {"archive": upgrade["archive"], "changed": error is None, "holds": dict(manifest.counts)}
        data["seconds"] = seconds_since(opened.clock, start)
        opened.tell(EventKind.RUN_FINISHED, status=status, exit_code=int(code), seconds=data["seconds"])
        return Result("rollback", status, code, data, [error_entry(error)] if error else [])


def _upgrade(changing: Changing) -> Mapping[str, Any]:
    found = fact(changing.journal, UPGRADE) or fact(changing.journal, PREVIOUS)
    if not found:
        raise Refused(
            f"{changing.journal.name} was never upgraded: there is nothing to go back to",
            code="nothing-to-roll-back",
            suggestion="`memdeploy restore ARCHIVE` brings back what a backup holds.",
        )
    return found


def _never_saved(changing: Changing, data: dict[str, Any]) -> Result:
    """Interrupted before the archive was whole: nothing of the databases was touched, only the service was stopped."""
    changing.writer.update(status=DeploymentStatus.FAILED, facts={UPGRADE: None})
    changing.session.tell(
        EventKind.NOTICE, text="nothing was changed yet; `memdeploy up` starts the service again", level="info"
    )
    return Result("rollback", "success", ExitCode.DONE, {**data, "changed": False})


def _agreed(changing: Changing, upgrade: Mapping[str, Any], manifest: Manifest) -> bool:
    lost = f"what was stored since {manifest.created} is lost"
    if not fact(changing.journal, PREVIOUS):
        return True
    return agreed(
        changing.session.request,
        f"Return {changing.journal.name} to {upgrade['from']}? {lost.capitalize()}.",
        needed=f"somebody has to agree: {lost}",
        suggestion="Add --yes to roll back without asking.",
    )
