"""`memdeploy upgrade --migrate`: memories carried through both APIs into a new deployment beside the old one.

The old one is only read, and keeps its data until somebody destroys it: when every field is equal on both sides its
service is removed and its port goes to the new deployment. Interrupted: the same command goes on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from memdeploy.config.load import override
from memdeploy.config.model import Deployment, Provider
from memdeploy.engine.events import EventKind, Sink
from memdeploy.engine.graph import Graph
from memdeploy.engine.results import RunResult
from memdeploy.errors import ExitCode, Refused
from memdeploy.lifecycle import calling, carrying, dataruns, naming
from memdeploy.lifecycle.agreeing import agreed
from memdeploy.lifecycle.changing import Changing, change
from memdeploy.lifecycle.destroy import destroy
from memdeploy.lifecycle.outcome import error_of, seconds_since
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result, error_entry
from memdeploy.lifecycle.session import look
from memdeploy.lifecycle.unfinished import MIGRATION, fact
from memdeploy.lifecycle.up import up
from memdeploy.lifecycle.verify import service_url
from memdeploy.memmachine import upgrades
from memdeploy.memmachine.migration import inventory
from memdeploy.memmachine.migration.inventory import Inventory
from memdeploy.memmachine.releases import DEFAULT

_LONGEST = 20


@dataclass(frozen=True)
class Plan:
    """`into` names the new deployment, `wanted` is its configuration."""

    before: str
    after: str
    into: str
    wanted: Deployment


def migrate(request: Request, sink: Sink) -> Result:
    """Exit 3 with nothing touched for what cannot be carried at all."""
    with change(request, sink) as changing:
        plan, port = _plan(changing), changing.session.deployment.local.port
        data: dict[str, Any] = {**changing.session.header(), "from": plan.before, "to": plan.after, "into": plan.into}
        if not _begun(changing, plan).get("done"):
            ended = _carried_over(changing, plan, data, sink)
            if ended is not None:
                return ended
    return _handed_over(request, sink, plan, data, port)


def _carried_over(changing: Changing, plan: Plan, data: dict[str, Any], sink: Sink) -> Result | None:
    """None when every memory is on both sides; else what the command ends with. Adds to `data`."""
    start = changing.session.clock.boottime()
    service_url(changing.session)
    listed = inventory.take(calling.client(changing.session), plan.after)
    data |= {**_listed(changing, listed), "changed": False}
    if not _begun(changing, plan) and not _agreed(changing, plan, listed):
        return Result("upgrade", "success", ExitCode.DONE, data)
    changing.writer.update(facts={MIGRATION: {"into": plan.into, "to": plan.after}})
    made = up(_new(changing.session.request, plan, plan.wanted), sink)
    if made.status != "success":
        return Result("upgrade", "error", made.exit_code, data, made.errors)
    found = _carry(changing, plan, sink)
    error = error_of(found, "upgrade --migrate")
    if error is not None:
        return Result("upgrade", "error", ExitCode(error.exit_code), data, [error_entry(error)])
    data |= {"carried": dict(found.step(carrying.NAME).outputs or {})}
    data["seconds"] = seconds_since(changing.session.clock, start)
    changing.writer.update(facts={MIGRATION: {"into": plan.into, "to": plan.after, "done": True}})
    return None


def _begun(changing: Changing, plan: Plan) -> Mapping[str, Any]:
    """The fact of an earlier run that went to the same place."""
    known = fact(changing.journal, MIGRATION)
    return known if known.get("into") == plan.into else {}


def _plan(changing: Changing) -> Plan:
    """Raises `Refused` for what memories cannot be carried between."""
    opened, request = changing.session, changing.session.request
    begun = fact(changing.journal, MIGRATION)
    if request.into not in (None, begun.get("into")):
        begun = {}
    before, after = opened.deployment.release, str(begun.get("to") or request.to or DEFAULT)
    wanted = override(opened.deployment, {**request.given, "release": after, "name": changing.journal.name})
    row = upgrades.upgrade(before, after)
    if row.way is upgrades.Way.NONE and _same_vectors(opened.deployment, wanted):
        raise Refused(
            f"{changing.journal.name} runs {after} already, with the same embedding model",
            code="nothing-to-migrate",
            suggestion="Name another with --to, or another --embedding-model or --embedding-dimensions.",
        )
    if row.way not in (upgrades.Way.MIGRATE, upgrades.Way.NONE):
        raise row.refusal
    into = str(begun.get("into") or request.into or default_name(changing.journal.name, after))
    _refuse_name(changing, into, begun)
    fresh = wanted.local.model_copy(update={"port": None})  # the old one keeps its own until its memories are here
    return Plan(before, after, into, wanted.model_copy(update={"name": into, "local": fresh}))


def default_name(name: str, release: str) -> str:
    """`memmachine` and 0.4.0: `memmachine-040`; within what a name may be."""
    tail = f"-{re.sub('[^0-9]', '', release)}"
    return name[: _LONGEST - len(tail)].rstrip("-") + tail


def _same_vectors(before: Deployment, after: Deployment) -> bool:
    fields = ("embedding", "dimensions")
    return all(getattr(before.model, field) == getattr(after.model, field) for field in fields)


def _refuse_name(changing: Changing, into: str, begun: Mapping[str, Any]) -> None:
    taken = into == changing.journal.name or naming.existing(into, changing.session.deployments) is not None
    if taken and not begun:
        raise Refused(
            f"there is a deployment {into} already", code="exists", where="--into",
            suggestion="Name another for the memories to go to: --into NAME.",
        )  # fmt: skip


def _listed(changing: Changing, found: Inventory) -> dict[str, Any]:
    for loss in found.losses:
        changing.session.tell(EventKind.NOTICE, text=f"not carried: {loss.text}", level="warning")
    return {
        "memories": found.total,
        "not_carried": [{"code": loss.code, "text": loss.text, "names": list(loss.names)} for loss in found.losses],
    }


def _agreed(changing: Changing, plan: Plan, found: Inventory) -> bool:
    return agreed(
        changing.session.request,
        f"Carry {found.total} memories into a new deployment {plan.into} ({plan.after})? Each is embedded again"
        f" ({found.characters} characters). Nothing should write to {changing.journal.name} meanwhile.",
        needed="somebody has to agree to the migration",
        suggestion="Add --yes to begin without asking.",
    )


def _new(request: Request, plan: Plan, wanted: Deployment) -> Request:
    return replace(request, command="up", name=plan.into, deployment=wanted, from_file=True, given={}, yes=True)


def _carry(changing: Changing, plan: Plan, sink: Sink) -> RunResult:
    with look(replace(changing.session.request, command="status", name=plan.into, given={}), sink) as new:
        pair = f"{changing.journal.id}/{new.journal.id}"
        state = changing.place.folder / f"migration-{new.journal.id}.jsonl"
        step = carrying.step(calling.client(changing.session), calling.client(new), state, pair)
        changing.session.begin(Graph([step]))
        return dataruns.run(changing, Graph([step]))


def _handed_over(request: Request, sink: Sink, plan: Plan, data: dict[str, Any], port: int | None) -> Result:
    """The old service goes, its data stays; its port goes to the new one."""
    going = replace(request, command="destroy", yes=True, delete_data=False, deployment=None, given={})
    gone = destroy(replace(going, confirmed=data["deployment"]), sink)  # also of a journal that was recovered
    if gone.errors:
        return Result("upgrade", "error", gone.exit_code, data, gone.errors)
    wanted = plan.wanted
    if wanted.provider is Provider.LOCAL:
        wanted = wanted.model_copy(update={"local": wanted.local.model_copy(update={"port": port})})
    moved = up(_new(request, plan, wanted), sink)
    code = moved.exit_code
    data |= {"changed": True, "url": moved.data.get("url"), "verified": moved.data.get("verified")}
    return Result("upgrade", moved.status, code, data, moved.errors)
