"""What memdeploy remembers by itself: `list`, `history`, `status --cached`. The cloud is asked nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from memdeploy.state.deployments import Deployments
from memdeploy.state.runs import read_log
from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed
from tests.support.terminal import Terminal


@pytest.fixture
def quiet(memdeploy: Memdeploy, cloud: Rehearsed) -> Iterator[Memdeploy]:
    """Deployed; from then on nothing may reach the cloud."""
    memdeploy(*UP)
    before = cloud.last_request()
    yield memdeploy
    assert cloud.last_request() == before


def test_the_journal_alone_tells_how_it_was(quiet: Memdeploy) -> None:
    found = quiet("status", "--cached").data
    assert (found["status"], found["health"], found["target"]) == ("ready", "unknown", "gcp proj-1/us-central1")
    assert found["url"] == quiet.journal()["steps"]["service"]["outputs"]["uri"]
    assert 0 <= found["cached"]["age"] < 600
    assert {"name": "neo4j.vm", "state": "done"} in found["steps"]


def test_people_are_told_that_it_may_be_old(quiet: Memdeploy) -> None:
    assert "just now, from the journal; no cloud was asked" in quiet("status", "--cached", json_output=False).stdout


def test_every_deployment_is_listed_and_a_damaged_one_hides_none(quiet: Memdeploy) -> None:
    place = quiet.state / "broken"
    place.mkdir(mode=0o700)
    (place / "journal.1.json").write_text("{")
    found = quiet("list", expect=6).json
    listed = {one["deployment"]: one["status"] for one in found["data"]["deployments"]}
    assert listed == {"broken": "unreadable", "memmachine": "ready"}
    assert [error["code"] for error in found["errors"]] == ["journal-damaged"]


def test_an_empty_folder_lists_nothing(memdeploy: Memdeploy) -> None:
    assert memdeploy("list").data["deployments"] == []


def test_runs_are_on_record_with_who_and_how(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    cloud.faults("fail@sql.instances.insert=1x")
    failed = memdeploy(*UP, expect=None)
    assert failed.code == 1
    cloud.faults("")
    memdeploy(*UP)
    runs = memdeploy("history").data["runs"]
    assert [(run["command"], run["status"], run["exit_code"]) for run in runs] == [
        ("up", "success", 0),
        ("up", "partial", 1),
    ]
    assert all("@" in run["by"] and run["seconds"] > 0 for run in runs)
    [first] = memdeploy("history", runs[1]["run"]).data["runs"]
    steps = {step["name"]: step for step in first["steps"]}
    assert steps["postgres.instance"]["status"] == "failed"
    assert steps["service"]["status"] == "skipped"
    assert steps["shared.network"]["status"] == "created"


def test_the_end_of_what_is_shared_is_on_record_beside_its_journal(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP)
    memdeploy("destroy", "--shared", "--yes", expect=3)
    memdeploy("destroy", "--yes", "--delete-data", expect=None)
    cloud.let_go()
    memdeploy("destroy", "--finish")
    memdeploy("destroy", "--shared", "--yes")
    [place] = Deployments(memdeploy.state).shared_places()
    done, refused = [list(read_log(path)) for path in place.runs().paths()]
    assert (refused[-1]["kind"], refused[-1]["data"]["exit_code"]) == ("run-finished", 3)
    assert (done[-1]["kind"], done[-1]["data"]["exit_code"]) == ("run-finished", 0)
    assert "@" in done[0]["data"]["by"]
    assert "shared.network" in {event.get("step") for event in done if event["kind"] == "step-finished"}


def test_what_was_declined_leaves_no_run(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP)
    known = memdeploy("history").data["runs"]
    environment = {**memdeploy.environ(), "CI": ""}
    terminal = Terminal.start(["destroy", "--state", str(memdeploy.state)], memdeploy.folder, environment)
    terminal.until("[y/N]")
    terminal.type("n")
    assert terminal.end() == 0
    assert memdeploy("history").data["runs"] == known


def test_a_run_that_was_never_made_is_named(quiet: Memdeploy) -> None:
    assert quiet("history", "2001", expect=2).json["errors"][0]["code"] == "no-such-run"
