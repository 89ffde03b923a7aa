"""`memdeploy init`: a file for the next command, and never over one that is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memdeploy.config.load import load
from memdeploy.errors import ExitCode
from tests.unit.cli.fakes import Lifecycle


@pytest.fixture
def life(tmp_path: Path) -> Lifecycle:
    return Lifecycle(tmp_path)


def test_it_writes_what_the_flags_say(life: Lifecycle, tmp_path: Path) -> None:
    found = life.run("init --project acme-prod-1 --profile small --schema")
    assert found.exit_code == 0, found.output
    loaded = load(file=None, flags={}, environ={}, folder=tmp_path).deployment
    assert loaded is not None
    assert (loaded.gcp.project, str(loaded.profile)) == ("acme-prod-1", "small")
    assert json.loads((tmp_path / "memdeploy.schema.json").read_text())["title"] == "memdeploy.yaml"


def test_a_file_that_is_there_stays(life: Lifecycle, tmp_path: Path) -> None:
    (tmp_path / "memdeploy.yaml").write_text("name: mine\n")
    found = life.run("init --project acme-prod-1")
    assert found.exit_code == ExitCode.USAGE
    assert "--force" in found.stderr
    assert (tmp_path / "memdeploy.yaml").read_text() == "name: mine\n"
    assert life.run("init --project acme-prod-1 --force").exit_code == 0
    assert "acme-prod-1" in (tmp_path / "memdeploy.yaml").read_text()


def test_a_wrong_value_writes_nothing(life: Lifecycle, tmp_path: Path) -> None:
    assert life.run("init --memory lots").exit_code == ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []


def test_on_a_terminal_the_project_is_asked_for(life: Lifecycle, tmp_path: Path) -> None:
    found = life.run("init", terminal=True, answers="acme-prod-2\n")
    assert found.exit_code == 0
    assert "project id" in found.stderr
    assert 'project: "acme-prod-2"' in (tmp_path / "memdeploy.yaml").read_text()
    assert life.run("init --force", answers="never read\n").exit_code == 0
