"""The rooms of the house: who may import whom (pyproject.toml), as import-linter sees it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "memdeploy"
SDKS = {"google", "googleapiclient", "google_auth_httplib2", "httplib2", "docker"}


def test_contracts_are_kept() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    found = subprocess.run(
        [str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )

    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("room", ["cli", "config", "report", "engine", "state", "lifecycle", "memmachine"])
def test_no_sdk_is_imported_at_the_top_of_a_module(room: str) -> None:
    """Providers and the rehearsal load theirs only when they are used; these rooms name none at the top."""
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (SOURCE / room).rglob("*.py")
        for name in _top_imports(path)
        if name.split(".")[0] in SDKS
    ]

    assert found == []


def test_modules_keep_no_state_of_a_run() -> None:
    """`global` is how a module's state is changed; nothing here needs it."""
    found = [
        str(path.relative_to(ROOT))
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Global)
    ]

    assert found == []


def _top_imports(path: Path) -> list[str]:
    """Modules imported when this one is, `if TYPE_CHECKING` left out."""
    names: list[str] = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names
