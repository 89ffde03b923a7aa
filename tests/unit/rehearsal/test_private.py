"""A rehearsal's folder: nobody else's, whatever was planted there before."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from memdeploy import private
from memdeploy.rehearsal import process, serving
from memdeploy.rehearsal.files import RECORD, TOKEN
from memdeploy.rehearsal.store import Store
from tests.support.hostile import PRIVATE, careless, elsewhere, modes, untouched


def test_all_that_is_missing_is_made_for_its_user_alone(tmp_path: Path) -> None:
    with careless():
        private.make_folder(tmp_path / "state" / "_rehearsal" / "gcp")
        private.write(tmp_path / "state" / "_rehearsal" / "gcp" / "token", "t")
        Store(tmp_path / "state" / "_rehearsal" / "gcp").close()
    assert set(modes(tmp_path / "state").values()) == PRIVATE


@pytest.mark.parametrize("made", [private.make_folder, Store], ids=["folder", "store"])
def test_a_link_in_the_folders_place_is_not_followed(tmp_path: Path, made: Callable[[Path], object]) -> None:
    precious = elsewhere(tmp_path / "elsewhere")
    (tmp_path / "gcp").symlink_to(precious)
    mode = precious.stat().st_mode
    with pytest.raises(PermissionError, match="links are not followed"):
        made(tmp_path / "gcp")
    assert untouched(precious)
    assert precious.stat().st_mode == mode


def test_a_served_folder_that_is_a_link_is_told_as_one(tmp_path: Path) -> None:
    precious = elsewhere(tmp_path / "elsewhere")
    (tmp_path / "gcp").symlink_to(precious)
    with pytest.raises(process.RehearsalError, match="links are not followed"):
        process.start(tmp_path / "gcp")
    assert untouched(precious)


@pytest.mark.parametrize("name", ["cloud.db", "secrets.db"])
def test_no_database_is_opened_through_a_link(tmp_path: Path, name: str) -> None:
    (tmp_path / "theirs").write_text("as it was")
    (tmp_path / "gcp").mkdir(mode=0o700)
    (tmp_path / "gcp" / name).symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match=r"symbolic link|Too many levels"):
        Store(tmp_path / "gcp")
    assert (tmp_path / "theirs").read_text() == "as it was"


def test_a_pipe_in_a_files_place_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")
    with pytest.raises(OSError, match=r".") as raised:
        private.open_file(tmp_path / "lock", os.O_WRONLY)
    assert not isinstance(raised.value, TimeoutError)


def test_writing_replaces_a_link_and_leaves_what_it_led_to(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("as it was")
    (tmp_path / "record").symlink_to(tmp_path / "theirs")
    private.write(tmp_path / "record", "ours")
    assert (tmp_path / "theirs").read_text() == "as it was"
    assert private.read(tmp_path / "record") == "ours"
    assert not (tmp_path / "record").is_symlink()


def test_a_token_is_never_empty(tmp_path: Path) -> None:
    """Its file was made and not yet written when the machine went down: who names no token would name this one."""
    (tmp_path / TOKEN).touch(mode=0o600)
    token = serving._token(tmp_path)
    assert len(token) > 30
    assert serving._token(tmp_path) == token
    assert (tmp_path / TOKEN).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"pid": 1}', '{"pid": "1", "endpoint": "http://127.0.0.1:1"}', "[" * 100_000,
     '{"pid": true, "endpoint": "x"}', '{"pid": -1, "endpoint": "x"}', '{"pid": 1e400, "endpoint": 7}', "\x00"],
)  # fmt: skip
def test_a_damaged_record_is_of_no_server(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_text(text)
    assert process.running(tmp_path) is None
    process.stop(tmp_path)


def test_a_record_that_a_link_leads_to_is_not_believed(tmp_path: Path) -> None:
    """Its address would be sent the user's secrets."""
    (tmp_path / "theirs").write_text(f'{{"pid": {os.getpid()}, "endpoint": "http://127.0.0.1:9"}}')
    (tmp_path / "gcp").mkdir()
    (tmp_path / "gcp" / RECORD).symlink_to(tmp_path / "theirs")
    assert process._read_record(tmp_path / "gcp") is None
