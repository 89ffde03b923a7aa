"""Disturbing `memdeploy` in a rehearsal, going on, and comparing with a run that nobody disturbed."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.cli import Memdeploy, Outcome
from tests.support.rehearsed import Rehearsed, normalised

UP = ("up", "--yes", "--provider", "gcp", "--project", "proj-1")
KILLED = -9
VARIABLE = "MEMDEPLOY_TEST_CRASH"
SCALE = 0.0005
PATIENCE = 60.0
#: The database is made for two seconds, so that there is a middle.
LONG = "slow@sql.instances.insert=1x"


@dataclass(frozen=True)
class World:
    cloud: Rehearsed
    memdeploy: Memdeploy

    def inventory(self) -> list[str]:
        return normalised(self.cloud.inventory(), {"deployment": self.memdeploy.identity()})

    def transitions(self) -> int:
        """Of all runs so far, in the deployment's journal and in the shared one."""
        journals = [self.memdeploy.journal(), *self.memdeploy.shared_journals()]
        return sum(int(journal["transitions"]) for journal in journals)


@dataclass(frozen=True)
class Undisturbed:
    """What a run that nobody disturbed comes to. `folder` holds it, for tests that begin where it ended."""

    folder: Path
    transitions: int
    inventory: list[str]
    counts: Mapping[str, int]
    created: Mapping[str, int]

    def check(self, disturbed: World) -> None:
        """The same at the end, and nothing made twice on the way."""
        self.check_end(disturbed)
        made = dict(created(disturbed.cloud))
        assert made == self.created, differing(made, self.created)

    def check_end(self, disturbed: World) -> None:
        there = dict(existing(disturbed.cloud))
        assert there == self.counts, differing(there, self.counts)
        inventory = disturbed.inventory()
        assert inventory == self.inventory, sorted({*inventory} ^ {*self.inventory})


@contextmanager
def world(folder: Path, faults: str | None = None, scale: float = SCALE) -> Iterator[World]:
    """The cloud's and the user's folder may be there already: then all goes on as it was left."""
    cloud = Rehearsed.serve(folder / "cloud", scale=scale, faults=faults)
    user = folder / "user"
    user.mkdir(exist_ok=True)
    try:
        yield World(cloud, Memdeploy(user, cloud.environment))
    finally:
        cloud.stop()


def undisturbed_run(folder: Path) -> Undisturbed:
    with world(folder) as clean:
        clean.memdeploy(*UP)
        return Undisturbed(
            folder, clean.transitions(), clean.inventory(), dict(existing(clean.cloud)), dict(created(clean.cloud))
        )


@contextmanager
def deployed(undisturbed: Undisturbed, folder: Path) -> Iterator[World]:
    """A copy of what that run left, with a cloud of its own, in which hours are fractions of a second."""
    shutil.copytree(undisturbed.folder, folder, dirs_exist_ok=True)
    with world(folder, scale=SCALE / 10) as found:
        yield found


def existing(cloud: Rehearsed) -> Counter[str]:
    """How many of each kind exist at the end. What was made twice and removed again shows in `created`."""
    counted: Counter[str] = Counter()
    for item in cloud.inventory():
        kind = re.sub(r"[^A-Za-z]", "", item["type"])
        counted[f"{item['service']}.{kind}"] += 1
    return counted


def created(cloud: Rehearsed) -> Counter[str]:
    """How many of each kind ever came into being, whatever became of them."""
    return Counter(born.split(" ")[0] for request in cloud.requests() for born in request["created"])


def until(look: Callable[[], bool], what: str) -> None:
    """For what another process does in its own time."""
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, f"no {what} within {PATIENCE:.0f} s"
        time.sleep(0.02)


def changing(disturbed: World) -> bool:
    """Somebody has changed something, and so holds the lease: the first looks are made without."""
    return any(request["mutates"] for request in disturbed.cloud.requests())


def asked_for_a_database(disturbed: World) -> bool:
    return any(r["method"] == "POST" and r["path"].endswith("/instances") for r in disturbed.cloud.requests())


def differing(found: Mapping[str, int], wanted: Mapping[str, int]) -> str:
    kinds = sorted({*found, *wanted})
    return ", ".join(f"{k}: {found.get(k, 0)} not {wanted.get(k, 0)}" for k in kinds if found.get(k) != wanted.get(k))


def ended(process: subprocess.Popen[str]) -> Outcome:
    stdout, stderr = process.communicate(timeout=PATIENCE)
    return Outcome(process.returncode, stdout, stderr)
