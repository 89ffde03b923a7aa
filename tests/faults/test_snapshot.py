"""A final snapshot that fails is not waited for: it stays, the disk stays, and the next `destroy` takes another."""

from __future__ import annotations

from pathlib import Path

from tests.faults.inside import KEY, MODEL, UP, inside
from tests.faults.story import DESTROY


def test_a_final_snapshot_that_failed_is_taken_again(folder: Path) -> None:
    with inside(folder, OPENAI_API_KEY=KEY) as stage:
        assert stage(*UP, *MODEL).code == 0
        stage.cloud.faults("fail@compute.disks.createSnapshot=1x")
        assert stage(*DESTROY).code == 1
        assert [one["state"] for one in stage.cloud.inventory() if one["type"] == "Snapshot"] == ["FAILED"]
        assert [one for one in stage.cloud.inventory() if one["type"] == "Disk"]

        stage.cloud.faults("")
        stage.cloud.let_go()
        assert stage(*DESTROY).code == 0
        assert sorted(one["state"] for one in stage.cloud.inventory() if one["type"] == "Snapshot") == [
            "FAILED",
            "READY",
        ]
        assert [one for one in stage.cloud.inventory() if one["type"] == "Disk"] == []
