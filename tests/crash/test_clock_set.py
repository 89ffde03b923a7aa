"""Somebody sets the machine's clock while `up` runs, by days: nothing comes of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.product import UP, Undisturbed, world

ROOT = Path(__file__).resolve().parents[2]
DAYS = 3 * 86_400


@pytest.mark.parametrize("seconds", [DAYS, -DAYS])
def test_a_clock_that_is_set_in_the_middle_changes_nothing(
    undisturbed: Undisturbed, tmp_path: Path, seconds: int
) -> None:
    with world(tmp_path) as found:
        user = found.memdeploy
        done = subprocess.run(
            [sys.executable, "-m", "tests.crash.jumping", str(seconds), *UP, "--state", str(user.state), "--json"],
            env={**user.environ(), "PYTHONPATH": str(ROOT)}, cwd=user.folder, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert "the clock was set" in done.stderr
        assert done.returncode == 0, done.stdout + done.stderr
        undisturbed.check(found)
        again = user(*UP).data
        assert {step["status"] for step in again["steps"]} == {"unchanged"}
        assert user("status").data["status"] == "ready"
        assert [run["status"] for run in user("history").data["runs"]] == ["success", "success"]
