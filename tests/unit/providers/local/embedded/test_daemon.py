"""What is there decides what is done: one that runs, starts, hangs, or is gone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from memdeploy.engine.step import State
from memdeploy.providers.local.embedded.daemon import Live
from memdeploy.providers.local.embedded.process import Found
from memdeploy.providers.local.embedded.service import Service
from tests.unit.providers.local.embedded.support import scope


@pytest.mark.parametrize(
    ("alive", "answers", "age", "state"),
    [
        (True, True, 5.0, State.PRESENT),
        (True, True, 9000.0, State.PRESENT),
        (True, False, 5.0, State.PENDING),
        (True, False, 9000.0, State.BROKEN),
        (False, False, 5.0, State.BROKEN),
        (False, False, 9000.0, State.BROKEN),
    ],
)
def test_its_condition(tmp_path: Path, alive: bool, answers: bool, age: float, state: State) -> None:
    found = Found(alive, 4711, {}, time.time() - age)
    condition = Service(scope(tmp_path)).condition(Live(found, answers))
    assert condition.state is state
    assert (condition.reason is not None) == (state is State.BROKEN)


def test_one_that_has_not_said_its_number_yet_is_starting(tmp_path: Path) -> None:
    assert Service(scope(tmp_path)).condition(Live(Found(True), False)).state is State.PENDING
