"""Folders in memory (`tests.support.kept`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import kept


@pytest.fixture
def folder() -> Iterator[Path]:
    found = kept.memory_folder("faults")
    yield found
    shutil.rmtree(found)
