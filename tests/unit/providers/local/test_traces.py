"""Whose a folder on this machine is: it says so itself, or tells nothing; its name alone proves nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from memdeploy.providers.base import Trace
from memdeploy.providers.local import traces
from memdeploy.providers.local.folder import OWNER

OURS = {"memdeploy": "a" * 12, "memdeploy-name": "toys"}


def made(root: Path, name: str, owner: Any) -> Path:
    folder = root / name
    folder.mkdir(mode=0o700)
    if owner is not None:
        (folder / OWNER).write_text(owner if isinstance(owner, str) else json.dumps(owner))
        (folder / OWNER).chmod(0o600)
    return folder


def found(root: Path) -> list[Trace]:
    scope: Any = SimpleNamespace(deployment=SimpleNamespace(name="toys"), folder=root / "toys-zzzz")
    return traces._folders(scope)


def test_a_folder_that_says_so_is_a_trace_since_it_was_made(tmp_path: Path) -> None:
    folder = made(tmp_path, "toys-x7k2", OURS)
    os.utime(folder / OWNER, (1_795_694_400, 1_795_694_400))
    assert found(tmp_path) == [Trace("a" * 12, "x7k2", f"folder {folder}", "2026-11-26 12:00 UTC")]


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("toys-x7k2", None),
        ("toys-x7k2", "{"),
        ("toys-x7k2", []),
        ("toys-x7k2", {**OURS, "memdeploy-name": "others"}),
        ("toys-x7k2", {"memdeploy-name": "toys"}),
        ("toys-more-x7k2", OURS),
        ("toys", OURS),
    ],
)
def test_others_are_none(tmp_path: Path, name: str, owner: Any) -> None:
    made(tmp_path, name, owner)
    assert found(tmp_path) == []


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "toys-x7k2").symlink_to(made(tmp_path / "there", "toys-x7k2", OURS))
    assert found(tmp_path / "here") == []


def test_where_there_is_no_folder_yet_there_is_nothing(tmp_path: Path) -> None:
    assert found(tmp_path / "nowhere") == []
