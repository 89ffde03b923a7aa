"""`up` is killed at tenths of its way, and where a call's answer is lost; the next `up` ends with one of everything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.product import KILLED, UP, VARIABLE, took_effect, world

#: Between the server's commit and our reading of the answer, where nothing is named by the caller.
LOST_ANSWERS = (
    "after-call:postgres.instance:create",
    "after-call:secret.postgres",
    "after-call:image",
    "after-call:prepare",
)


@dataclass(frozen=True)
class Undisturbed:
    transitions: int
    inventory: list[str]
    counts: dict[str, int]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    with world(tmp_path_factory.mktemp("clean")) as clean:
        clean.memdeploy(*UP)
        shared = sum(int(journal["transitions"]) for journal in clean.memdeploy.shared_journals())
        transitions = int(clean.memdeploy.journal()["transitions"]) + shared
        return Undisturbed(transitions, clean.inventory(), dict(took_effect(clean.cloud)))


def check(folder: Path, point: str, undisturbed: Undisturbed) -> None:
    with world(folder) as disturbed:
        killed = disturbed.memdeploy(*UP, expect=None, extra={VARIABLE: point})
        assert killed.code == KILLED, (point, killed.stdout, killed.stderr)
        again = disturbed.memdeploy(*UP)
        assert again.data["verified"] == "simulated"
        assert dict(took_effect(disturbed.cloud)) == undisturbed.counts
        assert disturbed.inventory() == undisturbed.inventory


@pytest.mark.parametrize("tenth", range(1, 11))
def test_killed_after_a_transition(tmp_path: Path, undisturbed: Undisturbed, tenth: int) -> None:
    check(tmp_path, f"after-transition:{tenth * undisturbed.transitions // 11}", undisturbed)


@pytest.mark.parametrize("point", LOST_ANSWERS)
def test_killed_before_the_answer_is_read(tmp_path: Path, undisturbed: Undisturbed, point: str) -> None:
    check(tmp_path, point, undisturbed)
