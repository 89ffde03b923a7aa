"""Memories carried from one running service to another, as a step: shown, stopped and resumed like any other."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from memdeploy.engine.step import Observed, Outputs, Run, State, Step
from memdeploy.errors import StepFailed
from memdeploy.memmachine.api import Client
from memdeploy.memmachine.migration.carry import Sides
from memdeploy.memmachine.migration.run import Progress, Result, migrate
from memdeploy.memmachine.migration.state import State as CarryState

NAME = "carry"


def step(old: Client, new: Client, state: Path, pair: str) -> Step:
    """Outputs: `carried` (memories), `features`, `passes`, `compared`, `sampled`, `found`, `memories_per_second`.
    Fails when both sides are not equal at the end: nothing is lost, the old side stands."""
    return Step(NAME, Carry(old, new, state, pair), title="Memories", transient=True, seconds=60.0)


class Carry:
    kind = "memmachine.carry"

    def __init__(self, old: Client, new: Client, state: Path, pair: str) -> None:
        self._old, self._new = old, new
        self._state, self._pair = state, pair

    def probe(self, run: Run) -> Observed:
        return Observed(State.ABSENT)

    def ensure(self, run: Run) -> Outputs:
        def told(progress: Progress) -> None:
            run.read(lambda: None)  # a run that was asked to stop ends here; the state says how far it came
            run.progress(_words(progress))

        with CarryState.open(self._state, pair=self._pair) as state:
            found = migrate(Sides(self._old, self._new, state), progress=told)
        if not found.holds:
            raise _differs(found)
        return _outputs(found)

    def remove(self, run: Run) -> None:
        """What was carried belongs to the new side."""

    def summary(self, outputs: Outputs) -> str:
        return f"{outputs['compared']} memories are equal, {outputs['found']} of {outputs['sampled']} found"


def _words(progress: Progress) -> str:
    if progress.phase == "comparing":
        return f"comparing {progress.total} memories field by field"
    rate = f", {progress.rate:.0f} a second" if progress.rate else ""
    return f"{progress.done} of {progress.total} memories{rate}"


def _outputs(found: Result) -> dict[str, Any]:
    carried = sum(one.added for one in found.passes)
    return {
        "carried": carried,
        "features": found.features,
        "passes": len(found.passes),
        "compared": found.comparison.episodes,
        "projects": found.comparison.projects,
        "reordered": found.comparison.reordered,
        "sampled": found.comparison.sampled,
        "found": found.comparison.found,
        "seconds": round(found.seconds, 1),
    }


def _differs(found: Result) -> StepFailed:
    comparison = found.comparison
    error = StepFailed(
        f"the new side differs in {comparison.different} places, and {comparison.sampled - comparison.found} of"
        f" {comparison.sampled} memories were not found there",
        code="carry-differs",
        suggestion="Stop what still writes to the old side, then run `memdeploy upgrade --migrate` again: it goes on.",
    )
    error.details = tuple(str(asdict(one)) for one in (*comparison.differences, *comparison.lost)[:10])
    return error
