"""Whole deployments on Google Cloud's rehearsal under any mix of faults: nothing doubled, orphaned, lost or leaked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import tally
from tests.faults.scenario import Scenario, again, run_block
from tests.faults.story import Usual, life

BLOCKS, EXAMPLES = 10, 5
LONG_BLOCKS = 100
HERE = "tests/faults/test_deployments.py"
WHAT = "whole deployments (gcp)"


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Usual:
    """With final backups, as the most that any life makes."""
    found, usual = life(tmp_path_factory.mktemp("usual") / "life", Scenario(backups=True), None)
    assert found.wrong == {}
    return usual


def run(folder: Path, usual: Usual, block: int) -> None:
    numbers = iter(range(100_000))

    def one(scenario: Scenario) -> None:
        found, _ = life(folder / str(next(numbers)), scenario, usual)
        tally.add(WHAT, found.struck, found.counts)
        assert found.wrong == {}, again(scenario, f"{HERE} -k a_few")

    run_block(block, EXAMPLES, f"{HERE} -k a_few", one)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_few(folder: Path, usual: Usual, block: int) -> None:
    run(folder, usual, block)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", range(BLOCKS, BLOCKS + LONG_BLOCKS))
def test_many(folder: Path, usual: Usual, block: int) -> None:
    run(folder, usual, block)
