"""A cell: one point of one change of one command. Killed there, then run again."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from memdeploy.engine.crash import VARIABLE
from tests.crash.matrix.cloud import Port
from tests.crash.matrix.recording import Change, Recording, begin, converge, end
from tests.crash.matrix.scenarios import Scenario


@dataclass(frozen=True)
class Cell:
    point: str
    change: Change

    @property
    def name(self) -> str:
        return f"{self.point}:{self.change.step}:{self.change.verb}"


@dataclass(frozen=True)
class Tried:
    """`wrong` empty: it converged."""

    cell: str
    wrong: list[str]
    seconds: float


def cells(changes: Sequence[Change]) -> list[Cell]:
    return [Cell(point, change) for change in changes for point in change.points]


def attempt(cell: Cell, scenario: Scenario, recording: Recording, port: Port, place: Path) -> Tried:
    start = time.monotonic()
    shutil.copytree(recording.folder / cell.change.copy, place)
    try:
        wrong = _wrong(cell, scenario, recording, port, place)
    except (AssertionError, TimeoutError) as error:
        wrong = [str(error)]
    finally:
        shutil.rmtree(place)
    return Tried(cell.name, wrong, round(time.monotonic() - start, 2))


def _wrong(cell: Cell, scenario: Scenario, recording: Recording, port: Port, place: Path) -> list[str]:
    served, user = begin(port, place)
    try:
        first = user.start(scenario.line, **{VARIABLE: cell.name})
        code = first.wait()
        if code != -signal.SIGKILL:
            return [f"was not reached: the run left with {code}: {first.output.read_text()[-2000:]}"]
        for line in scenario.then or (scenario.line,):
            converge(served, user, line)
        found = end(served, user)
        if scenario.gone:
            return recording.end.left_beyond(found)
        # How much the killed one took shows in what another one had to make again.
        return recording.end.differences(found, but="created" if scenario.then else "")
    finally:
        served.stop()
