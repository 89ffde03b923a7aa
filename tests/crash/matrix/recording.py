"""One run that nobody disturbs, with a copy of everything from before each step."""

from __future__ import annotations

import functools
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.crash.matrix import cloud
from tests.crash.matrix.cloud import Port
from tests.crash.matrix.forked import User
from tests.crash.matrix.scenarios import GIVEN, PERMANENT, Scenario
from tests.crash.product import created, existing
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed, normalised

LEFTOVERS = 11
_MOMENT = re.compile(r"-\d{14}\b")
"In the names of snapshots."


@dataclass(frozen=True)
class Change:
    """`copy`: the folder from before its step, or from before this change when its step had made the same before."""

    step: str
    verb: str
    copy: str
    points: tuple[str, ...] = ()
    "Those that it passed."


@dataclass(frozen=True)
class End:
    """All that must be the same after a run that was killed and its next one."""

    inventory: list[str]
    existing: Mapping[str, int]
    created: Mapping[str, int]
    "How many of each kind ever came into being: what was made twice and taken away again shows here."
    steps: Mapping[str, str]
    status: str
    open_intents: list[str]

    def differences(self, found: End, *, but: str = "") -> list[str]:
        mine, theirs = asdict(self), asdict(found)
        return [text for key in mine if key != but for text in _differences(key, mine[key], theirs[key])]

    def left_beyond(self, found: End) -> list[str]:
        """What a run that was never ended left for others to clean up, and they did not. Backups are fewer when it
        had not come so far, and what is never switched off again may be in the middle of being switched on."""
        more = Counter(found.inventory) - Counter(self.inventory)
        said = [] if found.status == self.status else [f"status: {found.status}, not {self.status}"]
        intents = [line for line in found.open_intents if line.partition(":")[0] not in PERMANENT]
        return [*(f"left: {line}" for line in more), *(f"intent: {line}" for line in intents), *said]


@dataclass(frozen=True)
class Recording:
    folder: Path
    changes: tuple[Change, ...]
    steps: Mapping[str, tuple[str, ...]]
    "All steps of the command, by what they need."
    end: End


def record(scenario: Scenario, port: Port, folder: Path) -> Recording:
    """Leaves its copies in `folder`."""
    place, copies = folder / "recorded", folder / "copies"
    copies.mkdir(parents=True)
    served, user = begin(port, place)
    try:
        for line in scenario.before:
            converge(served, user, line)
        served.let_go()
        if scenario.held:
            served.hold(scenario.held)
        start = user.start(scenario.line, before=lambda: _watch(_Copies(place, copies)))
        code = start.wait()
        assert code == 0, (scenario.line, code, start.output.read_text()[-3000:])
        told = json.loads((copies / "told.json").read_text())
        changes = tuple(Change(**{**change, "points": tuple(change["points"])}) for change in told["changes"])
        for line in scenario.then:
            converge(served, user, line)
        return Recording(copies, changes, told["steps"], end(served, user))
    finally:
        served.stop()
        shutil.rmtree(place)


def begin(port: Port, place: Path) -> tuple[cloud.Cloud, User]:
    """A cloud and a user in their folders, new or copied."""
    served = port.serve(place / "cloud")
    (place / "user").mkdir(exist_ok=True)
    return served, User(place / "user", {**served.environment, **GIVEN})


def converge(served: Rehearsed, user: User, line: tuple[str, ...]) -> None:
    """Runs the command; what the cloud holds for hours is taken when they have passed."""
    start = user.start(line)
    code = start.wait()
    if code == LEFTOVERS:
        served.let_go()
        start = user.start((*line, "--finish") if "--shared" not in line else line)
        code = start.wait()
    assert code == 0, f"`memdeploy {' '.join(line)}` left with {code}: {start.output.read_text()[-3000:]}"


def end(served: Rehearsed, user: User) -> End:
    known = Memdeploy(user.folder)
    journal = known.journal()
    everything = [*known.shared_journals(), journal]
    records = {name: step for one in everything for name, step in one["steps"].items()}
    return End(
        inventory=[_MOMENT.sub("-<moment>", line) for line in normalised(served.inventory(), _named(known))],
        existing=dict(existing(served)),
        created=dict(created(served)),
        steps={name: step["status"] for name, step in records.items()},
        status=journal["status"],
        open_intents=[
            f"{name}: {intent['verb']}" for name, step in records.items() for intent in step.get("intents", ())
        ],
    )


def _named(known: Memdeploy) -> Mapping[str, Mapping[str, str]]:
    return {"deployment": known.identity()}


# -- in the child ------------------------------------------------------------------------------------------------------


class _Copies:
    """Steps come one after another, so that there is a moment before each in which nothing is under way."""

    def __init__(self, place: Path, copies: Path) -> None:
        self._place, self._copies = place, copies
        self._before = ""
        self._made: Counter[tuple[str, str]] = Counter()
        self._changes: list[Change] = []
        self._steps: dict[str, list[str]] = {}

    def step(self, name: str, needs: Sequence[str]) -> None:
        self._before = self._copy(name)
        self._steps[name] = list(needs)
        self._write()

    def change(self, step: str, verb: str) -> None:
        again = self._made[step, verb]
        self._made[step, verb] += 1
        copy = self._copy(f"{step}.{verb}.{again}") if again else self._before
        self._changes.append(Change(step, verb, copy))

    def passed(self, point: str) -> None:
        last = self._changes[-1]
        self._changes[-1] = replace(last, points=(*last.points, point))
        self._write()

    def _write(self) -> None:
        told = {"changes": [asdict(change) for change in self._changes], "steps": self._steps}
        (self._copies / "told.json").write_text(json.dumps(told))

    def _copy(self, name: str) -> str:
        target = self._copies / name
        cloud.copy(self._place / "cloud", target / "cloud")
        shutil.copytree(self._place / "user", target / "user")
        return name


def _watch(copies: _Copies) -> None:
    """Has them made from now on in this process, in which one step is done at a time."""
    from memdeploy.engine.crash import CrashPoints, Point
    from memdeploy.engine.ensuring import Ensuring
    from memdeploy.engine.removing import Removing
    from memdeploy.lifecycle import session

    def reached(self: CrashPoints, point: Point, step: str, verb: str) -> None:
        if point is Point.BEFORE_INTENT:
            copies.change(step, verb)
        copies.passed(str(point))

    CrashPoints.reached = reached  # type: ignore[method-assign]
    session.RunOptions = functools.partial(session.RunOptions, max_parallel=1)  # type: ignore[misc, assignment]
    for kind in (Ensuring, Removing):
        kind._work = _announced(kind._work, copies)  # type: ignore[method-assign, attr-defined]


def _announced(work: Callable[[Any, str], bool], copies: _Copies) -> Callable[[Any, str], bool]:
    def announced(self: Any, name: str) -> bool:
        copies.step(name, self._kit.graph.needs(name))
        return work(self, name)

    return announced


def _differences(key: str, want: Any, have: Any) -> list[str]:
    if want == have:
        return []
    if isinstance(want, Mapping):
        names = sorted({*want, *have})
        return [f"{key}: {n}: {have.get(n)}, not {want.get(n)}" for n in names if want.get(n) != have.get(n)]
    if isinstance(want, list):
        more, less = Counter(have) - Counter(want), Counter(want) - Counter(have)
        return [*(f"{key}: too many: {one}" for one in more), *(f"{key}: missing: {one}" for one in less)]
    return [f"{key}: {have}, not {want}"]
