"""`up` is killed between two changes, where its journal was written last; the next `up` ends with one of everything.

What happens around each change is the matrix' business (test_matrix)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.product import KILLED, UP, VARIABLE, Undisturbed, world


def check(folder: Path, point: str, undisturbed: Undisturbed) -> None:
    with world(folder) as disturbed:
        killed = disturbed.memdeploy(*UP, expect=None, extra={VARIABLE: point})
        assert killed.code == KILLED, (point, killed.stdout, killed.stderr)
        again = disturbed.memdeploy(*UP)
        assert again.data["verified"] == "simulated"
        undisturbed.check(disturbed)


@pytest.mark.parametrize("tenth", [1, 4, 7, 10])
def test_killed_after_a_transition(tmp_path: Path, undisturbed: Undisturbed, tenth: int) -> None:
    check(tmp_path, f"after-transition:{tenth * undisturbed.transitions // 11}", undisturbed)
