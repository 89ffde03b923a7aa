"""Rehearsals for this folder's tests: one that stays as it was deployed, and one for tests that take things apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rehearsed import Rehearsed

from .deploying import Deploying


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deploying]:
    """Up, and nothing done since but what a test did."""
    rehearsed = Rehearsed.serve(tmp_path_factory.mktemp("rehearsal"))
    try:
        deploying = Deploying(rehearsed)
        result = deploying.up()
        assert result.error is None, result.error
        yield deploying
    finally:
        rehearsed.stop()


@pytest.fixture
def rehearsed(tmp_path: Path) -> Iterator[Rehearsed]:
    served = Rehearsed.serve(tmp_path / "rehearsal")
    try:
        yield served
    finally:
        served.stop()
