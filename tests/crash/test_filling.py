"""A disk that is full from the Nth write of a run on: whatever was under way then, the next run ends it well."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.crash.product import UP, Undisturbed, World, world

ROOT = Path(__file__).resolve().parents[2]
JOURNAL = 6
#: An undisturbed `up` makes about 140, with how many leases depends on how long it takes.
WRITES, EVERY, OF_THESE = range(6, 126, 3), 24, 6


def filled(found: World, writes: int) -> subprocess.CompletedProcess[str]:
    user = found.memdeploy
    line = [sys.executable, "-m", "tests.crash.filling", str(writes), *UP, "--state", str(user.state), "--json"]
    environment = {**user.environ(), "PYTHONPATH": str(ROOT)}
    return subprocess.run(line, env=environment, cwd=user.folder, capture_output=True, text=True, timeout=240)


def chosen() -> list[Any]:
    """Some of them; all in the long proof."""
    return [pytest.param(n, marks=[] if n % EVERY == OF_THESE else [pytest.mark.slow]) for n in WRITES]


@pytest.mark.parametrize("writes", chosen())
def test_the_next_run_ends_it_well(undisturbed: Undisturbed, tmp_path: Path, writes: int) -> None:
    with world(tmp_path) as found:
        full = filled(found, writes)
        assert full.returncode == JOURNAL, (full.stdout, full.stderr)
        assert "No space left on device" in json.loads(full.stdout)["errors"][0]["message"]
        found.memdeploy(*UP)
        undisturbed.check(found)
