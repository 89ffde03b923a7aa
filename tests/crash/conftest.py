"""One run that nobody disturbed, for all tests of a worker, and what it left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.product import Undisturbed, World, deployed, undisturbed_run
from tests.support.cli import Memdeploy


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return undisturbed_run(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="module")
def stands(undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For what is refused: nobody changes anything in it. Not for longer than a file: it has the address that every
    other copy of that run wants, and names things by."""
    with deployed(undisturbed, tmp_path_factory.mktemp("stands")) as found:
        yield found


@pytest.fixture
def user(stands: World, tmp_path: Path) -> Memdeploy:
    """Somebody with a copy of its journals."""
    folder = tmp_path / "user"
    shutil.copytree(stands.memdeploy.folder, folder)
    return Memdeploy(folder, stands.cloud.environment)
