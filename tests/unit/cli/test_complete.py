"""Shell completion, asked for as the shells ask."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from memdeploy.cli.complete import COMPONENTS
from memdeploy.providers.gcp import logs
from memdeploy.providers.local.embedded import logs as embedded
from tests.unit.cli.test_entry import HEAVY

SHELLS = ("bash", "zsh", "fish")
#: Typer itself reads options with pydantic, and for zsh and fish the help texts with rich.
_HEAVY_HERE = tuple(name for name in HEAVY if name not in ("platformdirs", "pydantic", "rich"))
_ASK = """
import sys
from memdeploy.cli.entry import main
try:
    code = main([])
finally:
    sys.stderr.write(" ".join(sys.modules))
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for name in ("support", "support-two", "other", "_shared", "_rehearsal", ".gone.1234"):
        (tmp_path / "state" / name).mkdir(parents=True)
    (tmp_path / "state" / "a-file").touch()
    return tmp_path / "state"


def ask(shell: str, line: str, state: Path) -> tuple[list[str], set[str]]:
    """Words offered, and modules that were loaded for them. The last word of `line` is the one being typed."""
    words = line.split(" ")
    told = {
        "_MEMDEPLOY_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    found = subprocess.run(
        [sys.executable, "-c", _ASK], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "MEMDEPLOY_STATE": str(state), **told},
    )  # fmt: skip
    return found.stdout.splitlines(), set(found.stderr.split())


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("memdeploy status --name sup", ["support", "support-two"]),
        ("memdeploy up --provider g", ["gcp"]),
        ("memdeploy up --profile s", ["small", "standard"]),
        ("memdeploy logs p", ["postgres", "prepare"]),
        ("memdeploy up --backing c", ["containers"]),
        ("memdeploy dest", ["destroy"]),
        ("memdeploy destroy --del", ["--delete-data"]),
    ],
)
def test_values_commands_and_options_are_offered(shell: str, line: str, offered: list[str], state: Path) -> None:
    said, loaded = ask(shell, line, state)
    words = re.findall(r"[\w-]+", " ".join(said))
    assert set(offered) <= set(words)
    assert "other" not in words
    assert [name for name in _HEAVY_HERE if name in loaded] == []


def test_the_folder_of_the_line_counts(state: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "far").mkdir(parents=True)
    said, _ = ask("bash", f"memdeploy status --state {tmp_path}/elsewhere --name ", state)
    assert said == ["far"]


def test_without_a_state_folder_nothing_is_offered(tmp_path: Path) -> None:
    assert "".join(ask("bash", "memdeploy status --name ", tmp_path / "none")[0]) == ""


def test_components_are_those_that_there_are() -> None:
    """Of every provider: which one it is nobody has said yet."""
    assert set(COMPONENTS) == {*logs.COMPONENTS, *embedded.COMPONENTS}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_itself_takes_the_script(shell: str, state: Path, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    program = tmp_path / "bin" / "memdeploy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m memdeploy "$@"\n')
    program.chmod(0o755)
    environ = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "MEMDEPLOY_STATE": str(state)}
    source = subprocess.run(
        [str(program)], env={**environ, "_MEMDEPLOY_COMPLETE": f"source_{shell}"}, capture_output=True, text=True,
        timeout=60, check=False,
    ).stdout  # fmt: skip
    assert "_MEMDEPLOY_COMPLETE" in source
    script.write_text(source)
    lines = {
        "bash": f"source {script}; COMP_WORDS=(memdeploy status --name sup); COMP_CWORD=3;"
        ' _memdeploy_completion memdeploy; printf "%s\\n" "${COMPREPLY[@]}"',
        "zsh": f"autoload -Uz compinit; compinit -u -d {tmp_path}/dump; source {script};"
        " whence -w _memdeploy_completion",
        "fish": f"source {script}; complete -C 'memdeploy status --name sup'",
    }
    found = subprocess.run(
        [shell, "-c", lines[shell]], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    wanted = "_memdeploy_completion: function" if shell == "zsh" else "support\nsupport-two"
    assert wanted in found.stdout, (found.stdout, found.stderr)
