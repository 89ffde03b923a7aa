"""What could keep an embedded deployment from its end, found before anything is made."""

from __future__ import annotations

import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from memdeploy.errors import ExitCode
from memdeploy.providers.base import Finding, Verdict
from memdeploy.providers.local.embedded import checks
from memdeploy.providers.local.embedded.data import Data
from memdeploy.providers.local.embedded.preflight import Doctor, Preflight
from tests.unit.providers.local.embedded.support import Rig, plant, scope

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """One with a Python that will do, and room."""
    plant(tmp_path / "bin/python3.12")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    return tmp_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def found(folder: Path, **changes: object) -> dict[str, Finding]:
    place = scope(folder, **{"local": {"port": free_port()}, **changes})
    return {finding.check: finding for finding in checks.examine(place)}


def codes(folder: Path, **changes: object) -> set[str]:
    return {one.code for one in found(folder, **changes).values() if one.verdict is Verdict.FAILED}


def test_nothing_stands_in_the_way(machine: Path) -> None:
    assert codes(machine) == set()
    assert found(machine)["python"].text.startswith("Python 3.12.4")


@pytest.mark.parametrize(
    ("release", "code"), [("0.2.6", {"release-needs-neo4j"}), ("0.3.9", {"release-not-embedded"}), ("0.4.0", set())]
)
def test_the_release(machine: Path, release: str, code: set[str]) -> None:
    assert codes(machine, release=release) == code


def test_no_python_is_no_obstacle_before_uv_was_asked(machine: Path) -> None:
    (machine / "bin/python3.12").unlink()
    assert codes(machine) == set()
    assert "uv will download one" in found(machine)["python"].text


def test_an_unfit_python_that_was_named(machine: Path) -> None:
    local = {"port": free_port(), "python": str(plant(machine / "old", (3, 11, 0)))}
    assert codes(machine, local=local) == {"python-unfit"}


def test_a_port_that_is_taken(machine: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert codes(machine, local={"port": server.getsockname()[1]}) == {"port-taken"}


def test_too_little_room(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12, 10**9))
    assert codes(machine) == {"disk-full"}
    (machine / "cache/memdeploy/environments/memmachine-0.4.0-x").mkdir(parents=True)
    assert codes(machine) == set(), "with packages in place memories need little"


def test_a_folder_that_cannot_be_made(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.os, "access", lambda path, mode: path != machine / "cache" and "cache" not in str(path))
    (machine / "cache").mkdir()
    assert codes(machine) == {"folder-unwritable"}


def test_all_that_stands_in_the_way_is_one_refusal(machine: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = scope(machine, local={"port": server.getsockname()[1]}, release="0.2.6")
        error = Rig().ensure(Preflight(place)).error
        assert error is not None
        assert (error.exit_code, {cause.code for cause in error.causes}) == (  # type: ignore[attr-defined]
            ExitCode.REFUSED, {"release-needs-neo4j", "port-taken"},
        )  # fmt: skip
        told = Rig().ensure(Doctor(place, check_model=True)).steps[0].outputs["findings"]
    assert [one["check"] for one in told if one["verdict"] == "failed"] == ["release", "port"]
    assert told[-1]["check"] == "model"


@pytest.mark.parametrize("name", ["postgres", "neo4j"])
def test_locked_memories_are_never_removed(machine: Path, name: str) -> None:
    locked = scope(machine, **{name: {"deletion_protection": "locked"}})
    assert Data(locked).protection(None) == f"{name}.deletion_protection is locked"  # type: ignore[arg-type]
    assert Data(scope(machine)).protection(None) is None  # type: ignore[arg-type]
