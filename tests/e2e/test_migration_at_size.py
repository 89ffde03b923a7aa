"""5,000 memories, and the migration killed twice on its way. Minutes: part of the long proof."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from memdeploy.memmachine.records import Project, ProjectId
from tests.e2e.remembered import episodes, everything
from tests.e2e.sides import Side, started
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(3600)]

PROJECTS = [ProjectId("size", name) for name in ("one", "two")]
EACH = 2500
KILLED_AT = (1300, 2800)
"""Memories that are on the new side when a process is killed, those that it found there included."""
PROGRAM = """
import json, sys
from pathlib import Path
import requests
from memdeploy.memmachine.api import Client
from memdeploy.memmachine.migration import Sides, State, migrate
old, new, path = sys.argv[1:]
session = requests.Session()
with State.open(Path(path), pair="size") as state:
    sides = Sides(Client(session, old), Client(session, new), state)
    result = migrate(sides, progress=lambda p: print(p.phase, p.done, round(p.rate), flush=True))
    c = result.comparison
    print(json.dumps({"holds": result.holds, "seconds": round(result.seconds, 1),
        "passes": [vars(one) for one in result.passes], "episodes": c.episodes, "different": c.different,
        "reordered": c.reordered, "sampled": c.sampled, "found": c.found}))
"""


@pytest.fixture(scope="module")
def pair(stack: Stack, other_stack: Stack) -> Iterator[tuple[Side, Side]]:
    with ExitStack() as up, ThreadPoolExecutor() as pool:
        old, new = pool.map(up.enter_context, [started(stack, "0.3.9"), started(other_stack, "0.4.0")])
        for project in PROJECTS:
            old.client.create_project(Project(project, str(project), {}, {}))
            memories = episodes(project, EACH)
            for start in range(0, EACH, 60):  # three to an instant: no instant is split here either
                old.client.add(project, memories[start : start + 60])
        yield old, new


def run(old: Side, new: Side, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, old.url, new.url, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def killed(process: subprocess.Popen[str], at: int) -> int:
    """Kills it when it has carried so many itself; what it said last."""
    assert process.stdout is not None
    for line in process.stdout:
        done = int(line.split()[1])
        if done >= at:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return done
    raise AssertionError("it ended before it could be killed")


def test_5000_memories_arrive_although_it_is_killed_twice(pair: tuple[Side, Side], tmp_path: Path) -> None:
    old, new = pair
    path, said, started_at = tmp_path / "state.json", [], time.monotonic()
    for at in KILLED_AT:
        said.append(killed(run(old, new, path), at))
        assert 0 < sum(new.client.episode_count(p) for p in new.client.projects()) < 2 * EACH
    process = run(old, new, path)
    output, _ = process.communicate(timeout=1800)
    assert process.returncode == 0
    result = json.loads(output.splitlines()[-1])
    print({"killed after": said, "all seconds": round(time.monotonic() - started_at, 1), **result})
    assert result["holds"]
    assert (result["episodes"], result["different"], result["reordered"]) == (2 * EACH, 0, 0)
    assert result["found"] == result["sampled"] > 50
    assert result["passes"][0]["added"] <= 2 * EACH - KILLED_AT[-1]
    assert everything(new, page=400) == everything(old, page=400)
    counted = new.answer("count")
    assert counted["consistent"]
    assert (counted["total"]["stored"], counted["total"]["searchable"]) == (2 * EACH, 2 * EACH)
