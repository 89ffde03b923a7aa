"""`destroy` is killed on its way and gone on with: nothing of the deployment is left, or exactly what it keeps."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.crash.product import KILLED, SCALE, UP, VARIABLE, Undisturbed, World, deployed

LEFTOVERS = 11
HOLD = 7200 * SCALE / 10  # how long Cloud Run keeps a subnet's addresses after its service is gone
EVERYTHING = ("destroy", "--yes", "--delete-data", "--no-final-backup")


def transitions(undisturbed: Undisturbed, folder: Path, *line: str) -> int:
    with deployed(undisturbed, folder) as clean:
        done = clean.memdeploy(*line, expect=None)
        assert done.code in (0, LEFTOVERS), done
        return clean.transitions() - undisturbed.transitions


def ours(disturbed: World) -> list[dict[str, Any]]:
    """What is there by our name or marker. Of builds a project keeps a history, which nobody can delete."""
    known = disturbed.memdeploy.identity()
    return [
        item
        for item in disturbed.cloud.inventory()
        if item["type"] != "Build"
        and (item["marker"] == known["id"] or f"{known['name']}-{known['suffix']}" in item["name"])
    ]


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_nothing_is_left_but_what_is_shared(tmp_path: Path, undisturbed: Undisturbed, quarter: int) -> None:
    at = quarter * transitions(undisturbed, tmp_path / "clean", *EVERYTHING) // 4
    with deployed(undisturbed, tmp_path / "killed") as disturbed:
        killed = disturbed.memdeploy(*EVERYTHING, expect=None, extra={VARIABLE: f"after-transition:{at}"})
        assert killed.code == KILLED, (at, killed.stdout, killed.stderr)
        again = disturbed.memdeploy(*EVERYTHING, expect=None)
        if again.code == LEFTOVERS:
            time.sleep(HOLD)
            disturbed.memdeploy("destroy", "--finish")
        assert ours(disturbed) == []
        assert disturbed.memdeploy.journal()["status"] == "destroyed"


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
