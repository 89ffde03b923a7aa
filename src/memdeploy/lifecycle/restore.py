"""`memdeploy restore`: an archive's memories into the deployment of that name, which is made when there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from memdeploy.config.load import lay, validate
from memdeploy.config.model import Deployment
from memdeploy.engine.events import EventKind, Sink
from memdeploy.errors import ExitCode, UsageError
from memdeploy.lifecycle import naming, where
from memdeploy.lifecycle.agreeing import agreed
from memdeploy.lifecycle.changing import Changing, change
from memdeploy.lifecycle.loading import load, refuse_misfit
from memdeploy.lifecycle.outcome import seconds_since
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result
from memdeploy.lifecycle.unfinished import RESTORING, UPGRADE, fact, refuse
from memdeploy.lifecycle.up import up
from memdeploy.lifecycle.verify import prove
from memdeploy.memmachine import archive
from memdeploy.memmachine.archive import ArchiveError, Manifest
from memdeploy.state.journal import DeploymentStatus, Journal

_ON_THE_WAY = frozenset({DeploymentStatus.NEW, DeploymentStatus.DEPLOYING, DeploymentStatus.FAILED})


def restore(request: Request, sink: Sink) -> Result:
    """Exit 3 with nothing touched for an archive that is damaged or does not fit."""
    if request.archive is None:
        raise UsageError("no archive is named", where="ARCHIVE")
    manifest = archive.check(request.archive)
    deployments = where.deployments(request.state)
    name = request.name or manifest.deployment
    request = replace(request, name=name)
    journal = naming.existing(name, deployments)
    made = journal is None
    if journal is None or _half_made(journal):
        found = up(replace(request, command="up", deployment=_configuration(request, manifest)), sink)
        if found.status != "success" or "url" not in found.data:
            return replace(found, command="restore")
    with change(replace(request, deployment=None, given={}), sink) as changing:
        return _restore(changing, manifest, made=made)


def _half_made(journal: Journal) -> bool:
    """Where `up` was interrupted, a restore's own perhaps: it goes on first. What it holds is asked about."""
    return journal.status in _ON_THE_WAY and "service" not in journal.outputs()


def _configuration(request: Request, manifest: Manifest) -> Deployment:
    """As it was saved, with what the line says laid over it."""
    tree: dict[str, Any] = dict(manifest.configuration)
    try:
        tree["local"] = {**tree.get("local", {}), "port": None, "folder": None}
        tree = lay({**tree, "name": request.name, "release": manifest.release}, request.given)
        return validate(tree, lambda path: f"{request.archive}: {path}")
    except (TypeError, ValueError) as error:
        raise ArchiveError(
            f"{request.archive} holds no configuration that this version knows", where=str(request.archive)
        ) from error


def _restore(changing: Changing, manifest: Manifest, *, made: bool) -> Result:
    opened = changing.session
    start = opened.clock.boottime()
    path = opened.request.archive
    if path is None:  # pragma: no cover - refused before
        raise AssertionError
    if fact(changing.journal, UPGRADE):
        refuse(changing.journal)
    refuse_misfit(changing, manifest, path)
    data: dict[str, Any] = {**opened.header(), "archive": str(path), "created": manifest.created}
    if not made and not fact(changing.journal, RESTORING) and not _agreed(changing, manifest):
        return Result("restore", "success", ExitCode.DONE, data)
    opened.begin(opened.cloud.loading(changing.place.folder))
    begun = {RESTORING: {"archive": str(path)}}
    load(
        changing,
        path,
        start_again=True,
        replacing=lambda: changing.writer.update(status=DeploymentStatus.MIGRATING, facts=begun),
    )
    changing.writer.update(status=DeploymentStatus.READY, facts={RESTORING: None})
    proved = prove(replace(opened, journal=changing.journal))
    data |= {"holds": dict(manifest.counts), "url": changing.journal.outputs()["service"]["uri"], **proved.data}
    data["seconds"] = seconds_since(opened.clock, start)
    opened.tell(EventKind.RUN_FINISHED, status=proved.status, exit_code=int(proved.code), seconds=data["seconds"])
    return Result("restore", proved.status, proved.code, data, proved.errors)


def _agreed(changing: Changing, manifest: Manifest) -> bool:
    name = changing.journal.name
    return agreed(
        changing.session.request,
        f"Replace all memories of {name} by those of {manifest.created}?",
        needed=f"what {name} holds would be replaced",
        suggestion="Add --yes to replace it, or --name NEW to restore beside it.",
    )
