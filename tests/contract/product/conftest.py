"""The command line against a served rehearsal, both as processes: what a user sees, without a container engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Rehearsed]:
    served = Rehearsed.serve(tmp_path / "cloud")
    yield served
    served.stop()


@pytest.fixture
def memdeploy(tmp_path: Path, cloud: Rehearsed) -> Memdeploy:
    folder = tmp_path / "user"
    folder.mkdir()
    return Memdeploy(folder, cloud.environment)


UP = ("up", "--yes", "--provider", "gcp", "--project", "proj-1")
