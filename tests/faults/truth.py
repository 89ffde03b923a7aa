"""Holding a journal against what the cloud has: nothing claimed that is not there, nothing there that is unknown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.state.journal import Journal

Resource = Mapping[str, Any]

#: Kind of a step -> where its thing is: service and the end of its name. Other kinds have no thing of their own.
THINGS: Mapping[str, tuple[str, str]] = {
    "iam.serviceAccount": ("iam", r"/serviceAccounts/{account_id}@[^/]+"),
    "compute.snapshots": ("compute", r"/resourcePolicies/{name}"),
    "compute.subnetwork": ("compute", r"/subnetworks/{name}"),
    "compute.address": ("compute", r"/regions/[^/]+/addresses/{name}"),
    "compute.globalAddress": ("compute", r"/global/addresses/{name}"),
    "compute.firewall": ("compute", r"/firewalls/{name}"),
    "compute.network": ("compute", r"/networks/{name}"),
    "compute.disk": ("compute", r"/disks/{name}"),
    "compute.vm": ("compute", r"/instances/{name}"),
    "secretmanager.generated": ("secretmanager", r"/secrets/{name}"),
    "secretmanager.modelKey": ("secretmanager", r"/secrets/{name}"),
    "secretmanager.tls": ("secretmanager", r"/secrets/{name}"),
    "sql.instance": ("sqladmin", r"/instances/{name}"),
    "sql.database": ("sqladmin", r"/instances/{instance}/databases/{name}"),
    "sql.user": ("sqladmin", r"/instances/{instance}/users/{name}"),
    "memmachine.image": ("artifactregistry", r"/packages/{name}"),
    "artifactregistry.repository": ("artifactregistry", r"/repositories/{name}"),
    "servicenetworking.connection": ("servicenetworking", r"/networks/{network}"),
    "run.access": ("run", r"/services/{name}"),
    "run.prepare": ("run", r"/jobs/{name}"),
    "run.service": ("run", r"/services/{name}"),
}
#: What a step leaves beside its thing, by its own name: the machine's boot disk.
BESIDE: Mapping[str, tuple[str, str]] = {"compute.vm": ("compute", r"/disks/{name}")}
#: What outlives a deployment on purpose: the project's record of builds, and the copies that `destroy` says it made.
HISTORY = frozenset({"cloudbuild.Build", "compute.Snapshot", "sqladmin.Backup"})
_THERE = frozenset({Status.DONE, Status.KEPT})
_GONE = frozenset({Status.PENDING, Status.REMOVED})


def lost(journals: Iterable[Journal], found: Sequence[Resource]) -> list[str]:
    """Steps whose record says that their thing is there, and it is not. Two steps may share a thing (`access` makes the
    service that `service` runs): then the intent of the other one to delete it is word enough."""
    records = [record for record in _records(journals) if record.kind in THINGS]
    going = {_end(record) for record in records if any(intent.verb == "delete" for intent in record.intents)}
    return [
        f"{record.name} is {record.status} and {record.identity} is not there"
        for record in records
        if record.status in _THERE and not record.intents and _end(record) not in going
        if not any(_is(thing, THINGS[record.kind], record) for thing in found)
    ]


def orphaned(journals: Iterable[Journal], found: Sequence[Resource]) -> list[str]:
    """Things of ours that no record knows of: neither as done, nor as begun, nor as an intent."""
    known = [record for record in _records(journals) if record.status not in _GONE or record.intents]
    return [
        f"{kind(thing)} {thing['name']} ({thing['state']})"
        for thing in found
        if kind(thing) not in HISTORY and not any(_belongs(thing, record) for record in known)
    ]


def kind(thing: Resource) -> str:
    """`compute.Subnetwork`, as in what the rehearsal says was created."""
    return f"{thing['service']}.{re.sub(r'[^A-Za-z]', '', thing['type'])}"


def counts(found: Iterable[Resource]) -> Counter[str]:
    return Counter(kind(thing) for thing in found)


def created(requests: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """How many of each kind ever came into being, whatever became of them."""
    return Counter(born.split(" ")[0] for request in requests for born in request["created"])


def doubled(requests: Sequence[Mapping[str, Any]], usual: Mapping[str, int]) -> list[str]:
    """What was made more often than by a run that nobody disturbed. An operation that failed is made again rightly: it
    excuses as much as it undid, one of each kind of its service."""
    failed = Counter(request["service"] for request in requests if "fail" in _faults(request) and request["mutates"])
    return [
        f"{number - usual.get(name, 0)} {name} too many"
        for name, number in sorted(created(requests).items())
        if number > usual.get(name, 0) + failed[_maker(name)]
    ]


def _maker(name: str) -> str:
    return name.split(".")[0]


def _faults(request: Mapping[str, Any]) -> list[str]:
    return str(request["fault"] or "").split(",")


def _records(journals: Iterable[Journal]) -> list[StepRecord]:
    return [record for journal in journals for record in journal.steps.values()]


def _end(record: StepRecord) -> tuple[str, str]:
    """Service and end of the name of its thing."""
    service, pattern = THINGS[record.kind]
    return service, pattern.format_map(record.identity)


def _is(thing: Resource, where: tuple[str, str], record: StepRecord, below: str = "") -> bool:
    service, pattern = where
    names = {key: re.escape(str(value)) for key, value in record.identity.items()}
    end = pattern.format_map(names)
    return thing["service"] == service and re.search(f"{end}{below}$", thing["name"]) is not None


def _belongs(thing: Resource, record: StepRecord) -> bool:
    places = [table[record.kind] for table in (THINGS, BESIDE) if record.kind in table]
    return any(_is(thing, place, record, below="(/.*)?") for place in places)
