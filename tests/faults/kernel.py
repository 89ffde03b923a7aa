"""A dozen toys in a cloud that lives in memory and misbehaves; the engine is the real one, its clock is not."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.results import RunResult
from memdeploy.engine.step import Operation, OperationStatus, Ref, Step
from memdeploy.errors import CloudError, ErrorKind
from tests.crash.kernel_run import Cloud, Thing, Version
from tests.faults.scenario import Scenario
from tests.unit.engine.toys import FakeClock, Lab, MemoryLedger

T = TypeVar("T")
MARKER, PAYLOAD = "abcdef123456", "c4n-ry-payload-of-a-toy"
NAMES = tuple(f"thing-{number}" for number in range(12))
SECRETS = frozenset(NAMES[::2])
LOOKS, SLOW, UNSEEN = 2, 40, 5.0
ERRORS = {"429": ErrorKind.RATE_LIMIT, "500": ErrorKind.UNAVAILABLE, "503": ErrorKind.UNAVAILABLE}


class Flaky:
    """As `kernel_run.Cloud`, by the methods that its resources call. Dice fall once a request, by the nth of
    its kind: in whatever order threads come, what happens to each thing is about the same."""

    def __init__(self, clock: FakeClock) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, list[str]] = {}
        self.created: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.lose_lease: Callable[[], None] = lambda: None
        self._operations: dict[str, list[Any]] = {}
        self._clock, self._lock = clock, threading.Lock()
        self._rates: Mapping[str, float] = {}
        self._changes = self._requests = 0
        self._lease: int | None = None
        self._expires: int | None = None
        self._seed = 0
        self._asked_for: Counter[str] = Counter()

    def misbehave(self, rates: Mapping[str, float], seed: int, lease: int | None, expires: int | None) -> None:
        self._rates, self._seed = rates, seed
        self._asked_for.clear()
        self._lease, self._expires = lease, expires
        self._changes = self._requests = 0

    def get(self, name: str) -> dict[str, Any] | None:
        return self._asked(f"get {name}", lambda struck: self._seen(name, struck), lags=True)

    def insert(self, name: str, body: Mapping[str, Any]) -> str:
        def make(struck: set[str]) -> str:
            if name in self.things:
                raise CloudError(f"{name} exists", kind=ErrorKind.CONFLICT)
            self.things[name] = {**body, "made": self._clock.now()}
            self.created[name] += 1
            return self._begin(name, struck)

        return self._asked(f"insert {name}", make, changes=True)

    def delete(self, name: str) -> None:
        def remove(struck: set[str]) -> None:
            if self.things.pop(name, None) is None:
                raise CloudError(f"no {name}", kind=ErrorKind.NOT_FOUND)
            self.versions.pop(name, None)

        self._asked(f"delete {name}", remove, changes=True)

    def add_version(self, name: str, payload: str) -> int:
        def add(struck: set[str]) -> int:
            self.versions.setdefault(name, []).append(payload)
            self.created[f"version of {name}"] += 1
            return len(self.versions[name])

        return self._asked(f"add {name}", add, changes=True)

    def find_version(self, name: str, payload: str) -> int | None:
        def find(struck: set[str]) -> int | None:
            found = self.versions.get(name, [])
            return found.index(payload) + 1 if payload in found else None

        return self._asked(f"find {name}", find)

    def poll(self, operation: Operation) -> OperationStatus:
        def look(struck: set[str]) -> OperationStatus:
            looks, failed = self._operations[operation.name]
            if looks > 0:
                self._operations[operation.name][0] -= 1
                return OperationStatus(done=False)
            if not failed:
                return OperationStatus(done=True)
            return OperationStatus(done=True, error=CloudError("it failed", kind=ErrorKind.UNKNOWN))

        return self._asked(f"poll {operation.name}", look)

    def _begin(self, name: str, struck: set[str]) -> str:
        """One that fails leaves nothing of what it made."""
        operation = f"op-{name}-{self.created[name]}"
        failed = "fail" in struck
        self._operations[operation] = [SLOW if "slow" in struck else LOOKS, failed]
        if failed:
            del self.things[name]
        return operation

    def _seen(self, name: str, struck: set[str]) -> dict[str, Any] | None:
        found = self.things.get(name)
        new = found is not None and self._clock.now() - found["made"] < UNSEEN
        return None if new and "unseen" in struck else found

    def _asked(self, what: str, act: Callable[[set[str]], T], *, changes: bool = False, lags: bool = False) -> T:
        with self._lock:
            self._requests += 1
            if self._expires is not None and self._requests > self._expires:
                self.struck["expires"] += 1
                raise CloudError("no valid credentials", kind=ErrorKind.UNAUTHENTICATED, service="toy")
            self._count_change(changes)
            struck = self._roll(what, changes=changes, lags=lags)
            for kind, meaning in ERRORS.items():
                if kind in struck:
                    raise CloudError(f"rehearsed {kind}", kind=meaning, service="toy")
            if "reset" in struck:
                raise CloudError("no answer", kind=ErrorKind.NETWORK, service="toy")
            answer = act(struck)
            if "lost" in struck:
                raise CloudError("no answer", kind=ErrorKind.NETWORK, service="toy")
            return answer

    def _count_change(self, changes: bool) -> None:
        self._changes += changes
        if changes and self._changes == self._lease:
            self.struck["lease"] += 1
            self.lose_lease()

    def _roll(self, what: str, *, changes: bool, lags: bool) -> set[str]:
        self._asked_for[what] += 1
        dice = random.Random(f"{self._seed}/{what}/{self._asked_for[what]}")
        fits = {"slow": changes, "fail": changes, "unseen": lags}
        rolled = {kind for kind, rate in self._rates.items() if dice.random() < rate and fits.get(kind, True)}
        self.struck.update(rolled)
        return rolled


class World(Lab):
    """One run of the engine on that cloud; `ledger` is what earlier runs left."""

    def __init__(self, cloud: Flaky, ledger: MemoryLedger, clock: FakeClock) -> None:
        self.cloud = cloud
        super().__init__(*steps(cloud), ledger=ledger)
        self.clock._now = clock._now
        cloud._clock = self.clock

    def poll(self, operation: Operation) -> OperationStatus:
        return self.cloud.poll(operation)

    def lose_lease(self) -> None:
        """From here on nothing of this run is written, nor sent: another one writes."""
        self.guard.lost = self.ledger.fenced = True


class Kept(Version):
    """A version with a payload that is looked for in what is journalled and told."""

    def outputs(self, run: Any, live: dict[str, Any]) -> Any:
        return {"name": self._name, "version": run.read(lambda: self._cloud.find_version(self._name, PAYLOAD))}

    def _add(self, intent: Any) -> int:
        return self._cloud.add_version(self._name, PAYLOAD)

    def _trace(self, intent: Any) -> int | None:
        return self._cloud.find_version(self._name, PAYLOAD)


def steps(cloud: Flaky) -> list[Step]:
    """Each needs one or two of those before it."""
    made = []
    for number, name in enumerate(NAMES):
        resource = (Kept if name in SECRETS else Thing)(cast(Cloud, cloud), name, MARKER)
        inputs = {"of": Ref(NAMES[number // 2], "name")} if number else {}
        made.append(Step(name, resource, inputs=inputs, identity={"name": name}))
    return made


def run(cloud: Flaky, ledger: MemoryLedger, clock: FakeClock, command: str) -> tuple[RunResult, World]:
    ledger.fenced = False
    world = World(cloud, ledger, clock)
    cloud.lose_lease = world.lose_lease
    if command == "up":
        try:
            observed = world.runner.probe()
        except CloudError as error:
            return RunResult((), error), world
        result = world.runner.ensure(observed)
    else:
        result = world.runner.remove(Graph(steps(cloud)).order())
    clock._now = world.clock._now
    return result, world


def untrue(ledger: MemoryLedger, cloud: Flaky) -> tuple[list[str], list[str]]:
    """(what is claimed and not there, what is there and unknown)."""
    records: Mapping[str, StepRecord] = ledger.records
    lost = [n for n, r in records.items() if r.status is Status.DONE and not r.intents and n not in cloud.things]
    gone = (Status.PENDING, Status.REMOVED)
    known = {n for n, r in records.items() if r.status not in gone or r.intents}
    return lost, [name for name in cloud.things if name not in known]


def life(scenario: Scenario) -> tuple[dict[str, list[str]], Counter[str], list[str]]:
    """(what was wrong, by promise; the faults that struck; how the calm runs ended, when not well)."""
    clock, ledger = FakeClock(), MemoryLedger()
    cloud = Flaky(clock)
    wrong: dict[str, list[str]] = {name: [] for name in ("doubled", "orphaned", "lost", "leaked")}
    ends: list[str] = []

    def command(name: str, number: int | None) -> bool:
        first = number in (0, 3)
        lease, expires = (scenario.lease, scenario.expires) if first else (None, None)
        rates = scenario.rates if number is not None else {}
        cloud.misbehave(rates, scenario.seed * 100 + (number or 0), lease, expires)
        result, world = run(cloud, ledger, clock, name)
        lost, orphaned = untrue(ledger, cloud)
        wrong["lost"] += lost
        wrong["orphaned"] += orphaned
        if PAYLOAD in repr(ledger.transitions) + repr(world.events) + repr(result.error):
            wrong["leaked"].append(name)
        if result.error is not None and (number is None or result.error.code == "internal"):
            ends.append(f"{name}: {result.error.code}: {result.error.message}")
        return result.ok

    for name, numbers in (("up", range(3)), ("destroy", range(3, 6))):
        for number in numbers:
            if command(name, number):
                break
        command(name, None)
        if name == "up":
            wrong["lost"] += [name for name in NAMES if name not in cloud.things]
            wrong["doubled"] += [f"{name} {len(found)}" for name, found in cloud.versions.items() if len(found) != 1]
            excused = cloud.struck["fail"]
            wrong["doubled"] += [f"{name} {n}" for name, n in cloud.created.items() if n > 1 + excused]
    wrong["orphaned"] += sorted(cloud.things)
    return {name: found for name, found in wrong.items() if found}, cloud.struck, ends
