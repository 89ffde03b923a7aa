"""The crash matrix: every point of every change of every command, each killed there and run again (`matrix`)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memdeploy.engine.crash import Point
from tests.crash.matrix.scenarios import SCENARIOS
from tests.support import results

ROOT = Path(__file__).resolve().parents[2]
TITLE = "Crashes: killed at each point of each change, then run again"
COLUMNS = ("provider", "command", "steps", "changes", "expected", "tried", "converged")
SHARDS = [
    pytest.param(name, shard, marks=pytest.mark.slow if scenario.slow else ())
    for name, scenario in SCENARIOS.items()
    for shard in range(scenario.shards)
]

Ask = Callable[[str, int], dict[str, Any]]


@pytest.fixture(scope="session")
def ask() -> Iterator[Ask]:
    """One parent for all tests of a worker."""
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.matrix.parent"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert parent.stdin is not None
    assert parent.stdout is not None
    to, of = parent.stdin, parent.stdout

    def asked(scenario: str, shard: int) -> dict[str, Any]:
        to.write(json.dumps({"scenario": scenario, "shard": shard}) + "\n")
        to.flush()
        line = of.readline()
        assert line, "the parent of the matrix has ended; what it said is above"
        answer: dict[str, Any] = json.loads(line)
        return answer

    yield asked
    to.close()
    parent.wait(60)


@pytest.mark.parametrize(("name", "shard"), SHARDS)
def test_the_next_run_converges(name: str, shard: int, ask: Ask) -> None:
    scenario, found = SCENARIOS[name], ask(name, shard)
    changes = [(one["step"], one["verb"], one["points"]) for one in found["changes"]]
    expected = [f"{point}:{step}:{verb}" for step, verb, points in changes for point in points]
    tried = [one["cell"] for one in found["tried"]]
    wrong = {one["cell"]: one["wrong"] for one in found["tried"] if one["wrong"]}
    numbers = (len({step for step, _, _ in changes}), len(changes), len(expected), len(tried), len(tried) - len(wrong))
    results.record("crash", TITLE, COLUMNS, [(scenario.provider, scenario.command, *numbers)], keys=2)
    assert set(found["changing"]) == scenario.changing(found["steps"])
    assert [(step, verb) for step, verb, points in changes if points != list(Point)] == []
    assert tried == expected
    assert not wrong, "\n".join(f"{cell}: {line[:2000]}" for cell, lines in wrong.items() for line in lines)
