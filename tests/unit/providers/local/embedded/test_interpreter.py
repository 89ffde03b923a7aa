"""Which Python MemMachine runs on: planted programs that answer as Pythons do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from memdeploy.errors import Refused
from memdeploy.providers.local.embedded import interpreter
from memdeploy.providers.local.embedded.interpreter import Interpreter, Unfit, ask, find
from tests.unit.providers.local.embedded.support import plant, program

NOT_ACTIVE = "echo 'pyenv: python3.12: command not found' >&2; exit 127"


class Machine:
    """A PATH and a HOME with nothing but what is planted there."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.home = folder / "bin", folder / "home"
        self.environ = {"PATH": str(self.bin)}

    def find(self, configured: str | None = None, more: tuple[interpreter.Installed, ...] = ()) -> Interpreter | None:
        return find(configured, self.environ, self.home, more)

    def version(self) -> str | None:
        found = self.find()
        return found.version if found else None


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_nothing_is_found_where_there_is_nothing(machine: Machine) -> None:
    assert machine.find() is None


@pytest.mark.parametrize("name", ["python3.12", "python3", "python"])
def test_path(machine: Machine, name: str) -> None:
    planted = plant(machine.bin / name)
    assert machine.find() == Interpreter(str(planted), "3.12.4")


def test_a_shim_of_a_version_that_is_not_active_is_passed_over(machine: Machine) -> None:
    program(machine.bin / "python3.12", NOT_ACTIVE)
    plant(machine.home / ".pyenv/versions/3.12.1/bin/python3", (3, 12, 1))
    assert machine.version() == "3.12.1"


def test_pyenv_is_found_by_its_variable_and_by_its_shims(machine: Machine, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    plant(elsewhere / "versions/3.12.9/bin/python3", (3, 12, 9))
    assert machine.version() is None
    machine.environ["PYENV_ROOT"] = str(elsewhere)
    assert machine.version() == "3.12.9"
    machine.environ = {"PATH": os.pathsep.join([str(machine.bin), str(elsewhere / "shims")])}
    assert machine.version() == "3.12.9"


def test_the_version_that_is_tried_best_comes_first_then_the_newest_patch(machine: Machine) -> None:
    for version in ("3.13.5", "3.12.2", "3.12.10", "3.11.9", "3.14.0"):
        plant(machine.home / f".pyenv/versions/{version}/bin/python3", [int(n) for n in version.split(".")])
    plant(machine.bin / "python3", (3, 14, 2))
    assert machine.version() == "3.12.10"


def test_what_uv_downloaded_before_is_found_again(machine: Machine, tmp_path: Path) -> None:
    planted = plant(tmp_path / "cpython-3.12.7-linux/bin/python3", (3, 12, 7))
    assert machine.find(more=(("3.12.7", planted.parent.parent),)) == Interpreter(str(planted), "3.12.7")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"version": [3, 11, 7]}, "it is Python 3.11.7; 3.12 to 3.14 will do"),
        ({"version": [3, 15, 0]}, "it is Python 3.15.0"),
        ({"kind": "pypy"}, "no ordinary 64-bit CPython"),
        ({"threads": True}, "no ordinary 64-bit CPython"),
        ({"wide": False}, "no ordinary 64-bit CPython"),
        ({"missing": ["sqlite3"]}, "built without sqlite3"),
    ],
)
def test_an_unfit_one_is_passed_over_or_refused_when_it_was_asked_for(
    machine: Machine, facts: dict[str, object], said: str
) -> None:
    planted = plant(machine.bin / "python3.12", **facts)
    assert machine.find() is None
    with pytest.raises(Refused, match=said) as raised:
        machine.find(str(planted))
    assert raised.value.code == "python-unfit"
    assert "--local-python" in str(raised.value.suggestion)


@pytest.mark.parametrize("script", ["exit 1", "echo hello", "echo '{'", "kill -9 $$"])
def test_what_is_no_python_is_passed_over(machine: Machine, script: str) -> None:
    program(machine.bin / "python3.12", script)
    plant(machine.bin / "python3", (3, 13, 1))
    assert machine.version() == "3.13.1"


def test_one_that_hangs_is_passed_over(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "SECONDS", 0.1)
    path = program(machine.bin / "python3.12", "exec sleep 60")
    path.write_text(path.read_text().replace("sleep", "/bin/sleep"))
    assert machine.find() is None


def test_one_that_was_asked_for_and_is_not_there_is_refused(machine: Machine) -> None:
    plant(machine.bin / "python3.12")
    with pytest.raises(Refused, match="it does not run"):
        machine.find("/nowhere/python3.12")


def test_a_real_one_is_asked_and_answers() -> None:
    found = ask(sys.executable)
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= (3, 12):
        assert found == Interpreter(sys.executable, version)
    else:
        assert found == Unfit(sys.executable, f"it is Python {version}; 3.12 to 3.14 will do")
