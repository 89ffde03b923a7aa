"""`destroy` is killed on its way, and `up` comes after it. That another `destroy` ends it: test_matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.crash.product import KILLED, UP, VARIABLE, Undisturbed, World, deployed

LEFTOVERS = 11


def transitions(undisturbed: Undisturbed, folder: Path, *line: str) -> int:
    with deployed(undisturbed, folder) as clean:
        done = clean.memdeploy(*line, expect=None)
        assert done.code in (0, LEFTOVERS), done
        return clean.transitions() - undisturbed.transitions


def test_memories_survive_a_killed_destroy(tmp_path: Path, undisturbed: Undisturbed) -> None:
    def database(found: World) -> Any:
        return found.memdeploy.journal()["steps"]["postgres.instance"]["outputs"]

    line = ("destroy", "--yes")
    at = transitions(undisturbed, tmp_path / "clean", *line) // 2
    with deployed(undisturbed, tmp_path / "killed") as disturbed:
        before = database(disturbed)
        killed = disturbed.memdeploy(*line, expect=None, extra={VARIABLE: f"after-transition:{at}"})
        assert killed.code == KILLED, (at, killed.stdout, killed.stderr)
        disturbed.memdeploy(*UP)
        assert database(disturbed) == before
        undisturbed.check_end(disturbed)  # what `destroy` took is made anew
