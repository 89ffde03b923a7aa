"""Where a deployment goes that nobody names a place for: at a terminal this machine, in a pipeline nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Memdeploy
from tests.support.terminal import Terminal

NO_ENGINE = {"DOCKER_HOST": "unix:///none"}


@pytest.fixture
def alone(tmp_path: Path) -> Memdeploy:
    return Memdeploy(tmp_path, NO_ENGINE)


def test_at_a_terminal_it_is_this_machine_and_nothing_is_made_before_a_yes(alone: Memdeploy) -> None:
    environment = {name: value for name, value in alone.environ().items() if name != "CI"}
    terminal = Terminal.start(["up", "--state", str(alone.state)], alone.folder, environment)
    terminal.until("Deploy memmachine to local embedded?")
    assert "the offline model is a toy" in terminal.shown
    assert "$" not in terminal.shown, "nothing is paid for"
    terminal.type("n")
    assert terminal.end() == 0
    assert not (alone.folder / ".local").exists()
    assert not (alone.folder / ".cache").exists()
    assert alone("list").data["deployments"] == []


def test_without_a_terminal_a_place_has_to_be_named(alone: Memdeploy) -> None:
    refused = alone("up", "--yes", expect=2).json["errors"][0]
    assert refused["message"] == "no provider is named"
    assert "--provider local" in refused["suggestion"]
    assert not alone.state.exists() or alone("list").data["deployments"] == []


def test_a_local_deployment_is_no_rehearsal(alone: Memdeploy) -> None:
    refused = alone("up", "--provider", "local", "--rehearse", "--yes", expect=2).json["errors"][0]
    assert refused["code"] == "local-rehearsal"


@pytest.mark.parametrize(
    ("release", "code"),
    [("0.2.6", "release-needs-neo4j"), ("0.3.9", "release-not-embedded"), ("0.1.10", "release-not-deployable")],
)
def test_a_release_that_cannot_do_without_servers_is_refused(alone: Memdeploy, release: str, code: str) -> None:
    line = ("up", "--provider", "local", "--runtime", "embedded", "--release", release, "--yes")
    assert alone(*line, expect=3).json["errors"][0]["code"] == code


def test_a_plan_names_no_price_and_makes_nothing(alone: Memdeploy) -> None:
    planned = alone("plan", "--provider", "local", "--runtime", "embedded", "--costs").data
    assert planned["cost_per_month"] is None
    assert planned["costs"]["lines"] == []
    assert planned["costs"]["not_included"] == "what the model's provider asks for"
    assert {action["step"] for action in planned["actions"]} == {
        "folder", "python", "environment", "secret.model", "data", "model", "prepare", "service",
    }  # fmt: skip
    assert [path.name for path in alone.folder.iterdir()] in ([], ["state"])


def test_an_interpreter_that_will_not_do_is_refused_before_anything_is_made(alone: Memdeploy) -> None:
    line = ("up", "--provider", "local", "--runtime", "embedded", "--local-python", "/nowhere/python", "--yes")
    refused = alone(*line, expect=3).json["errors"][0]
    assert refused["code"] == "python-unfit"
    assert not (alone.folder / ".local").exists()
    found = {one["check"]: one for one in alone("doctor", *line[1:-1], expect=None).data["checks"]}
    assert found["python"]["verdict"] == "failed"
    assert found["port"]["verdict"] == "passed"
