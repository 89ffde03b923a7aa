"""The file that a migration goes on from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memdeploy.errors import Refused
from memdeploy.memmachine.migration import State
from memdeploy.memmachine.records import ProjectId
from tests.support.hostile import PRIVATE, careless, modes

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


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    theirs, path = tmp_path / "theirs", tmp_path / "migration.json"
    State.open(theirs, pair="a>b").close()
    before = theirs.read_bytes()
    path.symlink_to(theirs)
    for led_to in (True, False):
        with pytest.raises(Refused) as caught:
            State.open(path, pair="a>b")
        assert caught.value.code == "migration-state"
        assert led_to is False or theirs.read_bytes() == before
        theirs.unlink(missing_ok=True)
    assert not theirs.exists()


def test_it_is_the_users_alone_whatever_the_umask_and_another_users_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with careless():
        State.open(tmp_path / "folder" / "migration.json", pair="a>b").close()
    assert set(modes(tmp_path / "folder").values()) == PRIVATE
    path = tmp_path / "folder" / "migration.json"
    path.chmod(0o644)
    State.open(path, pair="a>b").close()
    assert path.stat().st_mode & 0o777 == 0o600
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(Refused, match="not a plain file of this user"):
        State.open(path, pair="a>b")


@pytest.mark.parametrize("text", ["", "\n", "[]\n", "nothing\n", '{"version": 1}\n', "no line", '{"version": 1, "pair'])
def test_what_says_nothing_is_refused_and_stays(tmp_path: Path, text: str) -> None:
    (tmp_path / "migration.json").write_text(text)
    with pytest.raises(Refused) as caught:
        State.open(tmp_path / "migration.json", pair="a>b")
    assert caught.value.code == "migration-state"
    assert (tmp_path / "migration.json").read_text() == text


@pytest.mark.parametrize("line", ["nothing", "[]", "{}", '{"project": 7}', '{"project": "o/p", "uids": 7}'])
def test_a_line_that_says_nothing_is_not_passed_over(tmp_path: Path, line: str) -> None:
    path = tmp_path / "migration.json"
    with State.open(path, pair="a>b") as state:
        state.make(PROJECT)
    with path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(Refused, match="damaged"):
        State.open(path, pair="a>b")
