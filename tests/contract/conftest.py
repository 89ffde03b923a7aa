"""A served rehearsal for each test: the API alone, fast, on a port and in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.rehearsed import Rehearsed

Serve = Callable[..., Rehearsed]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """`serve(world=…, faults=…)`: the world as data. Every server is stopped at the test's end."""
    running: list[Rehearsed] = []

    def start(*, world: dict[str, object] | None = None, faults: str | None = None) -> Rehearsed:
        folder = tmp_path / f"rehearsal-{len(running)}"
        file = None
        if world is not None:
            file = tmp_path / f"world-{len(running)}.yaml"
            file.write_text(yaml.safe_dump(world))
        running.append(Rehearsed.serve(folder, world=file, scale=0.0005, faults=faults))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def rehearsed(serve: Serve) -> Rehearsed:
    return serve()
