"""What an audit came to: green only where every locked package was looked up, whatever pip-audit's exit code says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

LOCK = "typing-extensions==4.0 \\\n    --hash=sha256:00\nrich==14.0\n"


def verdict(code: int, packages: Any, said: str = "", lock: str = LOCK) -> tuple[int, str]:
    path = Path(__file__).resolve().parents[2] / "tools" / "audited.py"
    if not path.exists():
        pytest.skip("the tools are not part of this copy")
    found = importlib.util.spec_from_file_location("audited", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    text = packages if isinstance(packages, str) else json.dumps({"dependencies": packages})
    result: tuple[int, str] = module.verdict(code, text, said, lock)
    return result


def clean(name: str, *advisories: str) -> dict[str, Any]:
    return {"name": name, "version": "1", "vulns": [{"id": advisory} for advisory in advisories]}


SKIPPED = {"name": "rich", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def test_all_were_looked_up() -> None:
    assert verdict(0, [clean("typing_extensions"), clean("rich")]) == (0, "audited: no advisory on any of 2 packages")


def test_an_advisory_is_a_failure() -> None:
    code, line = verdict(1, [clean("typing_extensions"), clean("rich", "GHSA-1")])
    assert (code, line) == (1, "audited: advisories on 1 of 2 packages: rich (GHSA-1)")


@pytest.mark.parametrize(
    ("code", "packages", "said"),
    [
        (0, [], ""),
        (0, [SKIPPED, {**SKIPPED, "name": "typing-extensions"}], ""),
        (0, [clean("typing_extensions"), SKIPPED], ""),
        (0, [clean("typing_extensions")], ""),
        (1, "", "ERROR:pip_audit._cli:rich: Dependency not found on PyPI"),
        (124, "", ""),
        (0, "", ""),
        (0, "[]", ""),
        (1, [clean("typing_extensions"), clean("rich")], "ERROR: something"),
    ],
)
def test_anything_less_is_no_audit(code: int, packages: Any, said: str) -> None:
    result, line = verdict(code, packages, said)
    assert result == 0
    assert line.startswith("not audited: ")
    assert len(line) > len("not audited: ")


def test_a_lock_without_packages_was_not_audited() -> None:
    assert verdict(0, [], lock="")[1].startswith("not audited")
