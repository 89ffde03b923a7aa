"""`up` is killed at tenths of its way, and where a call's answer is lost; the next `up` ends with one of everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.product import KILLED, UP, VARIABLE, Undisturbed, world

#: Between the server's commit and our reading of the answer, where nothing is named by the caller.
LOST_ANSWERS = (
    "after-call:postgres.instance:create",
    "after-call:secret.postgres",
    "after-call:image",
    "after-call:prepare",
)


def check(folder: Path, point: str, undisturbed: Undisturbed) -> None:
    with world(folder) as disturbed:
        killed = disturbed.memdeploy(*UP, expect=None, extra={VARIABLE: point})
        assert killed.code == KILLED, (point, killed.stdout, killed.stderr)
        again = disturbed.memdeploy(*UP)
        assert again.data["verified"] == "simulated"
        undisturbed.check(disturbed)


@pytest.mark.parametrize("tenth", range(1, 11))
def test_killed_after_a_transition(tmp_path: Path, undisturbed: Undisturbed, tenth: int) -> None:
    check(tmp_path, f"after-transition:{tenth * undisturbed.transitions // 11}", undisturbed)


@pytest.mark.parametrize("point", LOST_ANSWERS)
def test_killed_before_the_answer_is_read(tmp_path: Path, undisturbed: Undisturbed, point: str) -> None:
    check(tmp_path, point, undisturbed)
