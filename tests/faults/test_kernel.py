"""The engine under any mix of faults, on toys in memory: far more requests in far less time than whole deployments."""

from __future__ import annotations

import pytest

from tests.faults import tally
from tests.faults.kernel import life
from tests.faults.scenario import Scenario, again, parse, run_block

SEEDS, LONG = 100, 2000
HERE = "tests/faults/test_kernel.py"
WHAT = "the engine (toys)"


def one(scenario: Scenario) -> None:
    wrong, struck, ends = life(scenario)
    tally.add(WHAT, struck, {name: len(found) for name, found in wrong.items()})
    assert (wrong, ends) == ({}, []), again(scenario, f"{HERE} -k some")


def test_some() -> None:
    run_block(900, SEEDS, f"{HERE} -k some", one)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_very_many() -> None:
    run_block(901, LONG, f"{HERE} -k some", one)


def test_a_scenario_is_a_line_that_can_be_given_back() -> None:
    scenario = Scenario({"503": 0.05, "lost": 0.1}, seed=7, lease=31, expires=None, backups=True)
    assert str(scenario) == "503=0.05,lost=0.1,seed=7 lease=31 backups"
    assert parse(str(scenario)) == scenario
