import json
from pathlib import Path

import pytest

from memdeploy.rehearsal.backing.guest import host

RULE = ["INPUT", "-p", "tcp", "--dport", "7687", "-s", "10.71.0.0/24", "-j", "ACCEPT"]


@pytest.fixture(autouse=True)
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "RULES", tmp_path / "rules.json")


def test_a_rule_is_there_from_its_insertion_to_its_deletion() -> None:
    assert host.iptables(["-w", "-C", *RULE]) == 1
    assert host.iptables(["-w", "-I", *RULE]) == 0
    assert host.iptables(["-w", "-C", *RULE]) == 0
    assert host.iptables(["-D", *RULE]) == 0
    assert host.iptables(["-D", *RULE]) == 1


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["-X", "INPUT"],
        ["-A", "NOWHERE", "-j", "ACCEPT"],
        ["-A", "INPUT", "--frob", "1"],
        ["-A", "INPUT", "-j"],
        ["-A", "INPUT", "-s", "10.71.0.0/99", "-j", "ACCEPT"],
    ],
)
def test_what_the_real_tool_would_not_understand_is_refused(argv: list[str]) -> None:
    assert host.iptables(argv) == 2


def test_credentials_are_configured_in_a_folder_that_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    assert host.credential_gcr(["configure-docker", "--registries=a.example,b.example"]) == 0
    assert json.loads((tmp_path / "docker" / "config.json").read_text()) == {
        "credHelpers": {"a.example": "gcr", "b.example": "gcr"}
    }


def test_credentials_need_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    assert host.credential_gcr(["configure-docker"]) == 1
