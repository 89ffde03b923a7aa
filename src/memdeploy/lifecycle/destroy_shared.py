"""`memdeploy destroy --shared`: network, peering and image repositories of a project and region, when nobody uses them.

Whether they are in use is read from the cloud by the resources themselves, never counted here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from memdeploy.config.model import Provider
from memdeploy.engine.events import EventKind, Sink
from memdeploy.engine.ledger import Guard, Ledger
from memdeploy.errors import AnswerNeeded, ExitCode, NoSuchDeployment, NotYet, Refused
from memdeploy.lifecycle import where
from memdeploy.lifecycle.agreeing import agreed
from memdeploy.lifecycle.changing import logged, shared_lease
from memdeploy.lifecycle.memory import MemoryLedger, NoLease
from memdeploy.lifecycle.outcome import error_of, leftovers, removed, seconds_since
from memdeploy.lifecycle.rehearsing import leave
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Outcome, Result, error_entry
from memdeploy.lifecycle.session import DEPLOYMENT, SHARED, Session, session, shared_place
from memdeploy.state.deployments import Deployments
from memdeploy.state.journal import DeploymentStatus, Journal
from memdeploy.state.lease import Lease
from memdeploy.state.writer import JournalWriter

SHARED_NAME = "_shared"


def destroy_shared(request: Request, sink: Sink) -> Result:
    """Exit 3 when something still uses it, 11 when the cloud holds on to it for hours."""
    deployments = where.deployments(request.state)
    journal = known(request, deployments)
    with session(request, sink, journal=journal, deployments=deployments) as drafted:
        graph = drafted.cloud.shared_graph()
        opened = replace(drafted, graph=graph, journal=replace(drafted.journal, name=SHARED_NAME))
        place = shared_place(opened, create=True)
        if place is None:  # pragma: no cover - made by the line above
            raise AssertionError
        with shared_lease(opened, place) as (lease, writer), logged(opened, place, lease) as noted:
            found = _destroy(noted, lease, writer)
    if found.status == "success":
        leave(deployments, entirely=True)
    return found


def known(request: Request, deployments: Deployments) -> Journal | None:
    """The journal that says which project and region: of the named deployment, else of any when all agree."""
    if request.name is not None and deployments.has(request.name):
        return deployments.open(request.name).read()
    if request.deployment is not None and request.deployment.gcp.project is not None:
        return None
    found = [listed.journal for listed in deployments.list() if listed.journal is not None]
    journals = [journal for journal in found if journal.provider != Provider.LOCAL]  # there nothing is shared
    places = {(j.provider, j.binding, str(sorted(j.identity.items()))): j.name for j in journals}
    if len(places) == 1:
        return journals[0]
    if places:
        raise AnswerNeeded(
            "there are several projects or regions",
            suggestion=f"Name a deployment that is or was there: --name {' or --name '.join(places.values())}.",
        )
    if request.deployment is not None:
        return None
    raise NoSuchDeployment("nothing is known of a project", suggestion="Name --provider, --project and --region.")


def _destroy(opened: Session, lease: Lease, writer: JournalWriter) -> Result:
    names = list(opened.graph.order())
    start = opened.clock.boottime()
    opened.begin(opened.graph)
    ledgers: dict[str, Ledger] = {SHARED: writer.ledger(), DEPLOYMENT: MemoryLedger({})}
    guards: dict[str, Guard] = {SHARED: lease, DEPLOYMENT: NoLease()}
    runner = opened.runner(opened.graph, ledgers, guards)
    used = runner.protections(names)
    if used:
        step, reason = next(iter(used.items()))
        raise Refused(reason, code="in-use", where=step, suggestion="Destroy the deployments that use it first.")
    data: dict[str, Any] = opened.header()
    if not _agreed(opened):
        return Result("destroy", "success", ExitCode.DONE, data)
    found = runner.remove(names)
    writer.update(status=DeploymentStatus.DESTROYED if found.ok else DeploymentStatus.DESTROYING)
    error = error_of(found, "destroy --shared")
    data |= {
        "removed": removed(found),
        "leftovers": leftovers(found),
        "seconds": seconds_since(opened.clock, start),
    }
    if isinstance(error, NotYet):
        data["finish"] = "memdeploy destroy --shared"
    status: Outcome = "partial" if error else "success"
    code = ExitCode(error.exit_code) if error else ExitCode.DONE
    opened.tell(EventKind.RUN_FINISHED, status=status, exit_code=int(code), seconds=data["seconds"])
    return Result("destroy", status, code, data, [error_entry(error)] if error else [])


def _agreed(opened: Session) -> bool:
    return agreed(
        opened.request,
        f"Remove what deployments share in {opened.cloud.target}?",
        needed="somebody has to agree to the removal",
        suggestion="Add --yes to remove it without asking.",
    )
