"""The whole of a migration: passes until both sides are equal, then the proof."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from memdeploy.memmachine.migration import carry, categories, features, inventory, theirs
from memdeploy.memmachine.migration.carry import Carried, Sides
from memdeploy.memmachine.migration.compare import SAMPLE, Comparison, compare
from memdeploy.memmachine.migration.sets import Selectors
from memdeploy.memmachine.records import ProjectId

PASSES = 5


@dataclass(frozen=True)
class Progress:
    """`phase`: `carrying`, `comparing`. `done` of `total` memories; `rate`: memories a second since this pass began."""

    phase: str
    done: int
    total: int
    rate: float


@dataclass
class Result:
    """`passes`: what each did. `comparison` of the two sides after the last of them."""

    passes: list[Carried] = field(default_factory=list)
    features: int = 0
    comparison: Comparison = field(default_factory=Comparison)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return self.comparison.holds


def migrate(
    sides: Sides, *, passes: int = PASSES, sample: int = SAMPLE, progress: Callable[[Progress], None] = lambda _: None,
    now: Callable[[], float] = time.monotonic,
) -> Result:  # fmt: skip
    """Carries and compares, again while the sides differ, at most `passes` times: writers may still be at work.

    Raises `Refused` when the releases do not fit or the new side holds what is not ours, `ApiError` when a service
    fails; calling it again with the same state goes on.
    """
    started = now()
    inventory.may_carry(sides.old.version(), sides.new.version())
    inventory.may_take(sides.new, sides.state)
    result = Result()
    while True:
        done, changed = one_pass(sides, progress, now)
        result.passes.append(done)
        result.features += changed
        progress(Progress("comparing", done.seen, done.seen, 0.0))
        result.comparison = compare(sides, sample=sample)
        if result.comparison.equal or len(result.passes) >= passes:
            result.seconds = now() - started
            return result


def one_pass(
    sides: Sides, progress: Callable[[Progress], None], now: Callable[[], float] = time.monotonic
) -> tuple[Carried, int]:
    """What was done with memories, and how many features were added or removed."""
    projects = theirs.projects(sides.old)
    meter = Meter(sum(sides.old.episode_count(project) for project in projects), progress, now)
    carry.leftovers(sides, projects)
    categories.carry(sides, projects)
    total, selectors = Carried(), Selectors(sides.old)
    there: list[ProjectId] = []
    for wanted in projects:
        if carry.project(sides, wanted) is not None:
            there.append(wanted)
            total.add(carry.episodes(sides, wanted, selectors, meter.moved))
    # An organisation's features cite memories of all its projects.
    changed = features.carry(sides, there, selectors)
    for wanted in there:
        old = sides.old.project(wanted)
        if old is not None:
            carry.flags(sides, old)
    return total, changed


class Meter:
    """Counts memories and tells, at most twice a second and at the end."""

    def __init__(self, total: int, progress: Callable[[Progress], None], now: Callable[[], float]) -> None:
        self._total, self._progress, self._now = total, progress, now
        self._started = self._told = now()
        self._done = 0

    def moved(self, count: int) -> None:
        self._done += count
        moment = self._now()
        if moment - self._told >= 0.5 or self._done >= self._total:
            self._told = moment
            rate = self._done / max(moment - self._started, 0.001)
            self._progress(Progress("carrying", self._done, max(self._total, self._done), rate))
