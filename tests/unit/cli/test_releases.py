"""`memdeploy releases`: the tables as a person and as a program reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memdeploy.cli.entry import main
from tests.support.cli import VALIDATOR


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["releases", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    VALIDATOR.validate(found)
    return found


def test_every_release_with_all_that_depends_on_it(capsys: pytest.CaptureFixture[str]) -> None:
    releases = {entry["version"]: entry for entry in document(capsys)["data"]["releases"]}
    assert list(releases) == ["0.4.0", "0.3.9", "0.2.6", "0.1.10"]
    assert [version for version, entry in releases.items() if entry["default"]] == ["0.4.0"]
    assert [version for version, entry in releases.items() if not entry["tested"]] == ["0.1.10"]
    assert releases["0.3.9"]["packages"] == ["memmachine-server==0.3.9", "memmachine-common==0.3.9"]
    assert releases["0.2.6"]["packages"] == ["memmachine-server==0.2.6"]
    assert releases["0.2.6"]["schema"] == "62dff1150a46"
    assert not releases["0.1.10"]["deployable"]
    assert "in no package registry" in releases["0.1.10"]["reason"]


def test_every_upgrade_with_what_happens(capsys: pytest.CaptureFixture[str]) -> None:
    upgrades = {(row["from"], row["to"]): row for row in document(capsys)["data"]["upgrades"]}
    assert len(upgrades) == 12
    assert upgrades["0.2.6", "0.3.9"]["way"] == "in-place"
    assert upgrades["0.3.9", "0.4.0"]["way"] == "migrate"
    assert upgrades["0.2.6", "0.4.0"]["by_way_of"] == ["0.3.9"]
    assert {pair for pair, row in upgrades.items() if row["keeps_data"]} == {("0.2.6", "0.3.9"), ("0.3.9", "0.4.0")}


def test_a_person_sees_what_is_tested_and_what_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["releases"]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = {line.split()[0]: line for line in lines if "memmachine/memmachine:" in line}
    assert "default" in row["0.4.0"]
    assert "untested" in row["0.1.10"]
    assert "untested" not in row["0.2.6"]
    [step] = [line for line in lines if line.strip().startswith("0.2.6 to 0.4.0")]
    assert "refused" in step
