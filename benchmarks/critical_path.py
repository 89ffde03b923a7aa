"""`up` against the critical path of what it has the cloud do: `python -m benchmarks.critical_path [SCALE]`.

A rehearsal is served first, at `--time-scale 0.1`; then two deployments are made in one project, the first with the
network that they share. Measured is the time from a run's first to its last request, as the rehearsal wrote them down.

The critical path is computed apart from how the steps were scheduled: every operation that the rehearsal began has a
length of its own (its `operations`, by API method), belongs to the step that manages its target (the journal's kinds
and names), and steps wait for each other as the graph says (`needs`, as `--events` tells). What the cloud imposes after
an operation counts where the rehearsal imposes it: an API that was just enabled, an account or a grant that is not
known everywhere yet, a machine that boots. Exits 1 when a run took more than FACTOR times its path and GRACE seconds.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from benchmarks.served import UP, Entry, Operation, Served, busy, served
from memdeploy.rehearsal.enabled import SPREAD
from memdeploy.rehearsal.policies import PROPAGATION
from memdeploy.rehearsal.rules.compute_machines import PHASES
from memdeploy.rehearsal.rules.iam import VISIBLE

SCALE, FACTOR, GRACE = 0.1, 1.05, 2.0

#: Kind of a step -> the API methods whose operations are its own.
METHODS: Mapping[str, str] = {
    "serviceusage.services": r"serviceusage\.",
    "artifactregistry.repository": r"artifactregistry\.projects\.locations\.repositories\.",
    "compute.network": r"compute\.networks\.",
    "compute.globalAddress": r"compute\.globalAddresses\.",
    "servicenetworking.connection": r"servicenetworking\.",
    "compute.subnetwork": r"compute\.subnetworks\.",
    "compute.firewall": r"compute\.firewalls\.",
    "compute.address": r"compute\.addresses\.",
    "compute.snapshots": r"compute\.resourcePolicies\.",
    "compute.disk": r"compute\.disks\.insert",
    # What the machine's first start settles is asked of its disk, too.
    "compute.vm": r"compute\.(instances\.|disks\.setLabels)",
    "sql.instance": r"sql\.instances\.",
    "sql.database": r"sql\.databases\.",
    "sql.user": r"sql\.users\.",
    "memmachine.image": r"cloudbuild\.",
    "run.prepare": r"run\.projects\.locations\.jobs\.",
    "run.access": r"run\.projects\.locations\.services\.create",
    "run.service": r"run\.projects\.locations\.services\.",
}
#: Kind -> seconds of the cloud's between the last operation and the moment when others may build on it.
AFTERWARDS: Mapping[str, float] = {
    "iam.serviceAccount": VISIBLE,
    "iam.grants": PROPAGATION,
    "run.access": PROPAGATION,
    "compute.vm": max(seconds for seconds, _ in PHASES),
}


@dataclass(frozen=True)
class Step:
    kind: str
    names: frozenset[str]
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    run: str
    found: float
    path: float
    steps: tuple[str, ...]

    @property
    def allowed(self) -> float:
        return FACTOR * self.path + GRACE


def main() -> int:
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else SCALE
    with served(scale) as place:
        runs = [measure(place, run, name, scale) for run, name in (("first", "one"), ("next", "two"))]
    return show(runs, scale)


def measure(place: Served, run: str, name: str, scale: float) -> Measured:
    before = set(place.operations())
    events, exchanges = place.watched(*UP, "--name", name)
    found = max(e["at"] + e["seconds"] for e in exchanges) - min(e["at"] for e in exchanges)
    steps = steps_of(place, name, events)
    own = attributed([one for one in place.operations() if one not in before], steps)
    lengths = {step: length(own.get(step, []), steps[step].kind, made(events), step, scale) for step in steps}
    seconds, path = longest(steps, lengths)
    return Measured(run, found, seconds, path)


def steps_of(place: Served, name: str, events: Sequence[Entry]) -> dict[str, Step]:
    """The graph as it was told, with what the journals say of each step. Transient steps have no record."""
    journals = [place.memdeploy.journal(name), *place.memdeploy.shared_journals()]
    records = {step: record for journal in journals for step, record in journal["steps"].items()}
    told = next(event for event in events if event["kind"] == "run-started")["data"]["steps"]
    return {
        step["name"]: Step(
            records.get(step["name"], {}).get("kind", ""),
            frozenset(v for v in records.get(step["name"], {}).get("identity", {}).values() if isinstance(v, str)),
            tuple(step["needs"]),
        )
        for step in told
    }


def attributed(begun: Sequence[Operation], steps: Mapping[str, Step]) -> dict[str, list[Operation]]:
    """Step -> its operations. One that nobody manages would make the path too short: it is an error."""
    found: dict[str, list[Operation]] = defaultdict(list)
    for operation in begun:
        owners = [name for name, step in steps.items() if owns(step, operation)]
        if not owners:
            raise LookupError(f"no step manages {operation.method} of {operation.target}")
        found[owners[0]].append(operation)
    return found


def owns(step: Step, operation: Operation) -> bool:
    if step.kind not in METHODS or not re.match(METHODS[step.kind], operation.method):
        return False
    alone = ("serviceusage.services", "servicenetworking.connection", "memmachine.image", "sql.database", "sql.user")
    parts = set(operation.target.split("/"))
    return step.kind in alone or "disks" in parts or bool(step.names & parts)


def made(events: Sequence[Entry]) -> frozenset[str]:
    return frozenset(e["step"] for e in events if e["kind"] == "step-finished" and e["data"].get("action") == "created")


def length(own: Sequence[Operation], kind: str, created: frozenset[str], step: str, scale: float) -> float:
    """One operation after the other; those that one request began (a job and its execution) run at the same time."""
    at_once: dict[float, float] = {}
    for operation in own:
        at_once[operation.start] = max(at_once.get(operation.start, 0.0), operation.seconds)
    spread = SPREAD if kind == "serviceusage.services" and own else 0.0
    afterwards = AFTERWARDS.get(kind, 0.0) if step in created else 0.0
    return sum(at_once.values()) + (spread + afterwards) * scale


def longest(steps: Mapping[str, Step], lengths: Mapping[str, float]) -> tuple[float, tuple[str, ...]]:
    """The longest chain: its seconds, and those of its steps that take any."""
    ends: dict[str, float] = {}
    chain: dict[str, tuple[str, ...]] = {}
    for name in TopologicalSorter({name: step.needs for name, step in steps.items()}).static_order():
        before = max(steps[name].needs, key=lambda need: ends[need], default=None)
        ends[name] = lengths[name] + (ends[before] if before else 0.0)
        chain[name] = (*(chain[before] if before else ()), *((name,) if lengths[name] else ()))
    last = max(ends, key=lambda name: ends[name])
    return ends[last], chain[last]


def show(runs: Sequence[Measured], scale: float) -> int:
    print(f"| deployment of a project, at {scale:g} | first to last request | critical path | ratio | allowed |")
    print("|---|---|---|---|---|")
    for run in runs:
        ratio = run.found / run.path
        print(f"| {run.run} | {run.found:.1f} s | {run.path:.1f} s | {ratio:.3f} | {run.allowed:.1f} s |")
    for run in runs:
        print(f"{run.run}: {' -> '.join(run.steps)}")
    print(busy())
    return 0 if all(run.found <= run.allowed for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
