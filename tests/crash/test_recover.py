"""A lost journal is written anew from markers; then `status`, `up` and `destroy` go on as if nothing had been."""

from __future__ import annotations

import json
from pathlib import Path

from tests.crash.product import Undisturbed, World, deployed
from tests.crash.test_damage import NAME, SAME, changed, snapshot, truncate

LEFTOVERS = 11


def test_what_was_recovered_is_what_was_lost(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """The whole way: lost, written anew, looked at, brought up to date, removed."""
    with deployed(undisturbed, tmp_path) as found:
        before, shared = found.memdeploy.journal(), found.memdeploy.shared_journals()
        things = found.inventory()
        found.memdeploy.state.rename(tmp_path / "lost")
        since = found.cloud.last_request()
        told = found.memdeploy("recover", "--name", NAME, *SAME).data
        assert changed(found.cloud, since) == []
        after = found.memdeploy.journal()
        assert {key: after[key] for key in ("id", "suffix", "status", "binding", "identity")} == {
            key: before[key] for key in ("id", "suffix", "status", "binding", "identity")
        }
        assert set(after["steps"]) == set(before["steps"]) - {"verify"}  # which made nothing
        assert {step["step"] for step in told["shared"]} == set(shared[0]["steps"])
        assert told["asked_again"] == ["secret.model"]
        seen = found.memdeploy("status")
        assert seen.data["health"] == "healthy"
        assert {step["state"] for step in seen.data["steps"]} <= {"present", "different"}
        unconfirmed(found)
        again = found.memdeploy("up", "--yes")
        assert {step["status"] for step in again.data["steps"]} <= {"unchanged", "adopted", "updated"}
        # Whether it was prepared, nothing there tells: that is looked at once more.
        assert without_executions(found.inventory()) == without_executions(things)
        destroyed(found)


def without_executions(inventory: list[str]) -> list[str]:
    return [line for line in inventory if "/executions/" not in line]


def unconfirmed(found: World) -> None:
    """`destroy` shows all of it, and --yes is not enough."""
    since = found.cloud.last_request()
    for line in ((), ("--confirm", "another")):
        asked = found.memdeploy("destroy", "--yes", "--delete-data", *line, expect=4)
        assert [error["code"] for error in asked.json["errors"]] == ["confirm-needed"]
        everything = {step["step"] for step in asked.data["would_remove"]}
        assert {"postgres.instance", "neo4j.disk", "neo4j.vm", "image", "caller", "service"} <= everything
    assert changed(found.cloud, since) == []


def test_destroy_after_recover_leaves_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """Straight away, without an `up` between; of a damaged journal a copy is kept."""
    with deployed(undisturbed, tmp_path) as found:
        known, path = found.memdeploy.identity(), snapshot(found.memdeploy.state)
        truncate(path)
        damaged = path.read_bytes()
        told = found.memdeploy("recover", "--name", NAME, *SAME).data
        assert (Path(told["copy"]) / path.name).read_bytes() == damaged
        destroyed(found, "--confirm", NAME)
        left = [item for item in found.cloud.inventory() if item["type"] != "Build"]
        assert [item["name"] for item in left if item["marker"] == known["id"]] == []
        base = f"{known['name']}-{known['suffix']}"
        assert [item["name"] for item in left if base in json.dumps(item)] == []


def destroyed(found: World, *line: str) -> None:
    done = found.memdeploy("destroy", "--yes", "--delete-data", "--no-final-backup", *line, expect=None)
    assert done.code in (0, LEFTOVERS), done
    if done.code == LEFTOVERS:
        found.cloud.let_go()
        found.memdeploy("destroy", "--finish")
    assert found.memdeploy.journal()["status"] == "destroyed"
