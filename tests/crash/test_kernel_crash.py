"""A process killed at every point of a run; the next one ends with exactly one of everything, without waiting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from memdeploy.engine.crash import VARIABLE, CrashPoints, Point
from tests.crash import kernel_run

TRANSITIONS = 17  # of a clean run: 3 * (started, opened, named, closed, finished), and opened, closed for the version
WANTED = {"things": ["key", "net", "svc"], "created": ["key", "net", "svc"], "versions": {"key": ["payload"]}}


class Ground:
    def __init__(self, path: Path) -> None:
        self.root = path / "state"
        self.cloud = path / "cloud.json"
        self.cloud.write_text(json.dumps({"things": {}, "created": [], "operations": {}, "versions": {}}))

    def run(self, command: str = "up", crash: str | None = None) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
        if crash is not None:
            environment[VARIABLE] = crash
        return subprocess.run(
            [sys.executable, kernel_run.__file__, str(self.root), str(self.cloud), command],
            capture_output=True, text=True, env=environment, timeout=60, check=False,
        )  # fmt: skip

    def inventory(self) -> dict[str, Any]:
        data = json.loads(self.cloud.read_text())
        return {
            "things": sorted(data["things"]),
            "created": sorted(data["created"]),
            "versions": data["versions"],
        }


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def points() -> list[str]:
    """Those that are not just after a transition, and all of one step by name."""
    changes = [("network", "create"), ("secret", "create"), ("secret", "add version")]
    between = [Point.BEFORE_INTENT, Point.AFTER_CALL]
    named = [f"{point}:{step}:{verb}" for step, verb in changes for point in between]
    return [*named, *(f"{point}:service:create" for point in Point)]


def test_a_clean_run(ground: Ground) -> None:
    done = ground.run()
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["actions"] == {"network": "created", "secret": "created", "service": "created"}
    assert answer["transitions"] == TRANSITIONS
    assert ground.inventory() == WANTED


@pytest.mark.parametrize("crash", [*points(), *(f"after-transition:{n}" for n in range(1, TRANSITIONS + 1))])
def test_after_any_crash_the_next_run_ends_with_one_of_everything(ground: Ground, crash: str) -> None:
    killed = ground.run(crash=crash)
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    again = ground.run()
    assert again.returncode == 0, again.stdout + again.stderr
    assert ground.inventory() == WANTED


@pytest.mark.parametrize("crash", [f"{point}:service:delete" for point in Point if point is not Point.AFTER_ANSWER])
def test_after_a_crash_while_removing_nothing_is_left(ground: Ground, crash: str) -> None:
    assert ground.run().returncode == 0
    assert ground.run("destroy", crash=crash).returncode == -signal.SIGKILL
    again = ground.run("destroy")
    assert again.returncode == 0, again.stdout + again.stderr
    assert ground.inventory()["things"] == []


def test_destroy_after_a_create_whose_answer_was_lost_leaves_nothing(ground: Ground) -> None:
    assert ground.run(crash="after-call:network:create").returncode == -signal.SIGKILL
    assert ground.inventory()["things"] != []
    assert ground.run("destroy").returncode == 0
    assert ground.inventory()["things"] == []


def test_a_second_run_creates_nothing(ground: Ground) -> None:
    assert ground.run().returncode == 0
    again = json.loads(ground.run().stdout)
    assert set(again["actions"].values()) == {"unchanged"}
    assert again["transitions"] == 0


def test_crash_points_are_inert_against_a_real_cloud() -> None:
    killed: list[int] = []
    real = CrashPoints.from_environment({VARIABLE: "after-transition:1"}, allowed=False)
    real._kill = lambda: killed.append(1)
    real.transition()
    assert killed == []
    bound = CrashPoints("after-transition:1", kill=lambda: killed.append(2))
    bound.transition()
    bound.transition()
    assert killed == [2]
