"""A lost journal is written anew from markers; then `status`, `up` and `destroy` go on as if nothing had been."""

from __future__ import annotations

import json
from pathlib import Path

from tests.crash.product import Undisturbed, World, deployed
from tests.crash.test_damage import NAME, SAME, changed, shared_snapshot, snapshot, truncate

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
    """Straight away, without an `up` between; of each damaged journal a copy is kept, and `history` shows it."""
    with deployed(undisturbed, tmp_path) as found:
        known, path = found.memdeploy.identity(), snapshot(found.memdeploy.state)
        truncate(path)
        damaged, shared = path.read_bytes(), shared_snapshot(found.memdeploy.state, truncate)
        told = found.memdeploy("recover", "--name", NAME, *SAME).data
        assert (Path(told["copy"]) / path.name).read_bytes() == damaged
        assert (Path(told["shared_copy"]) / shared.name).read_bytes() == shared.read_bytes()
        (run,) = found.memdeploy("history", newest_run(found)).data["runs"]
        assert (run["command"], run["status"], run["exit_code"]) == ("recover", "success", 0)
        assert [step["name"] for step in run["steps"]] == [
            step["step"] for step in (*told["recovered"], *told["shared"])
        ]
        destroyed(found, "--confirm", NAME)
        left = [item for item in found.cloud.inventory() if item["type"] != "Build"]
        assert [item["name"] for item in left if item["marker"] == known["id"]] == []
        base = f"{known['name']}-{known['suffix']}"
        assert [item["name"] for item in left if base in json.dumps(item)] == []


def newest_run(found: World) -> str:
    return str(found.memdeploy("history").data["runs"][0]["run"])


def destroyed(found: World, *line: str) -> None:
    done = found.memdeploy("destroy", "--yes", "--delete-data", "--no-final-backup", *line, expect=None)
    assert done.code in (0, LEFTOVERS), done
    if done.code == LEFTOVERS:
        found.cloud.let_go()
        found.memdeploy("destroy", "--finish")
    assert found.memdeploy.journal()["status"] == "destroyed"


def test_of_two_suffixes_somebody_has_to_say_which(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """As when two people deployed under one name: neither is taken for the other."""
    with deployed(undisturbed, tmp_path) as found:
        known, project = found.memdeploy.identity(), "projects/proj-1/secrets"
        other = {"memdeploy": "a1b2c3d4e5f6", "memdeploy-name": NAME}
        body = {"replication": {"automatic": {}}, "labels": other}
        found.cloud.ask("POST", f"/secretmanager/v1/{project}?secretId={NAME}-zz99-pg", body)
        decoy = {**body, "labels": {"team": "support"}}
        found.cloud.ask("POST", f"/secretmanager/v1/{project}?secretId={NAME}-yy88-pg", decoy)
        found.memdeploy.state.rename(tmp_path / "lost")
        (error,) = found.memdeploy("recover", "--name", NAME, *SAME, expect=3).json["errors"]
        assert error["code"] == "several-suffixes"
        assert known["suffix"] in error["message"]
        assert "zz99" in error["message"]
        assert "yy88" not in error["message"], "its name alone proves nothing"
        assert not (found.memdeploy.state / NAME).exists()
        told = found.memdeploy("recover", "--name", NAME, "--suffix", known["suffix"], *SAME).data
        assert told["suffix"] == known["suffix"]
        assert found.memdeploy.journal()["id"] == known["id"]
        nothing = found.memdeploy("recover", "--name", "another", *SAME, expect=8)
        assert nothing.json["errors"][0]["code"] == "no-deployment"


def test_at_rest_it_is_found_at_rest(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """Its data, and what that needs to live again; of what runs nothing tells the release any more."""
    with deployed(undisturbed, tmp_path) as found:
        found.memdeploy("destroy", "--yes")
        before = found.memdeploy.journal()
        assert before["status"] == "retained"
        found.memdeploy.state.rename(tmp_path / "lost")
        told = found.memdeploy("recover", "--name", NAME, *SAME).data
        assert told["status"] == "retained"
        assert set(told["assumed"]) == {"release", "model.embedding", "model.dimensions"}
        kept = {name for name, step in before["steps"].items() if step["status"] == "kept"}
        after = {name for name, step in found.memdeploy.journal()["steps"].items() if step["status"] == "kept"}
        assert after == kept - {"neo4j.image"}  # no machine is there to tell which it was
        database = before["steps"]["postgres.instance"]["outputs"]["created"]
        found.memdeploy("up", "--yes")
        assert found.memdeploy.journal()["steps"]["postgres.instance"]["outputs"]["created"] == database
