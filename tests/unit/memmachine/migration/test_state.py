"""The file that a migration goes on from."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdeploy.errors import Refused
from memdeploy.memmachine.migration import State
from memdeploy.memmachine.records import ProjectId

PROJECT, OTHER = ProjectId("o", "p"), ProjectId("o", "q")


def test_what_was_noted_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "migration.json"
    with State.open(path, pair="a>b") as state:
        state.make(PROJECT)
        state.make(OTHER)
        state.carried(PROJECT, {"1": "x", "2": "y", "3": "z"})
        state.gone(PROJECT, ["2", "8"])
        state.removed(OTHER)
    with State.open(path, pair="a>b") as again:
        assert again.ours == {PROJECT}
        assert again.uids == {PROJECT: {"1": "x", "3": "z"}}
        assert again.all_uids() == {"1": "x", "3": "z"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_cut_off_counts_as_not_written(tmp_path: Path) -> None:
    path = tmp_path / "migration.json"
    with State.open(path, pair="a>b") as state:
        state.make(PROJECT)
        state.carried(PROJECT, {"1": "x"})
    with path.open("ab") as file:
        file.write(b'{"project": "o/p", "uids": {"2"')
    with State.open(path, pair="a>b") as again:
        assert again.uids[PROJECT] == {"1": "x"}
        again.carried(PROJECT, {"2": "y"})
    with State.open(path, pair="a>b") as third:
        assert third.uids[PROJECT] == {"1": "x", "2": "y"}


def test_another_pairs_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "migration.json"
    State.open(path, pair="a>b").close()
    with pytest.raises(Refused, match="another migration") as caught:
        State.open(path, pair="a>c")
    assert caught.value.code == "migration-state"


def test_only_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "migration.json"
    with State.open(path, pair="a>b"):
        with pytest.raises(Refused) as caught:
            State.open(path, pair="a>b")
        assert caught.value.code == "migration-busy"
    State.open(path, pair="a>b").close()
