"""Killing `memdeploy up` in a rehearsal, going on, and comparing with a run that nobody disturbed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed, normalised

UP = ("up", "--yes", "--provider", "gcp", "--project", "proj-1")
KILLED = -9
VARIABLE = "MEMDEPLOY_TEST_CRASH"
SCALE = 0.0005


@dataclass(frozen=True)
class World:
    cloud: Rehearsed
    memdeploy: Memdeploy

    def inventory(self) -> list[str]:
        return normalised(self.cloud.inventory(), {"deployment": self.memdeploy.identity()})


@contextmanager
def world(folder: Path, faults: str | None = None) -> Iterator[World]:
    cloud = Rehearsed.serve(folder / "cloud", scale=SCALE, faults=faults)
    user = folder / "user"
    user.mkdir()
    try:
        yield World(cloud, Memdeploy(user, cloud.environment))
    finally:
        cloud.stop()


def took_effect(cloud: Rehearsed) -> Counter[str]:
    """How often each create took effect, by what was created: one of each, whatever was sent again."""
    counted: Counter[str] = Counter()
    for item in cloud.inventory():
        kind = re.sub(r"[^A-Za-z]", "", item["type"])
        counted[f"{item['service']}.{kind}"] += 1
    return counted
