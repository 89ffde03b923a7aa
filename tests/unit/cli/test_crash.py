"""The log of a defect: what happened, in a file of the user's alone, without any secret that was alive."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from memdeploy.cli import crash
from memdeploy.errors import JournalError
from memdeploy.secret import Secret, generate
from tests.contract.product import canary
from tests.support.hostile import PRIVATE, careless, elsewhere, modes, untouched


def defect(value: str) -> Exception:
    """An error that quotes what it was given, as libraries' do."""
    try:
        raise ValueError(f"cannot parse {value!r} nor {base64.b64encode(value.encode()).decode()}")
    except ValueError as error:
        return error


def test_a_secret_that_no_list_has_is_left_out_too(tmp_path: Path) -> None:
    """A generated password, or one that was read back."""
    held = generate()
    log = crash.write(defect(held.reveal()), tmp_path / "logs", [], {}).read_text()
    assert canary.found(log.encode(), canary.forms("password", held.reveal())) == []
    assert "test_crash.py" in log
    assert "cannot parse" in log


def test_what_was_given_and_what_the_environment_holds_is_left_out(tmp_path: Path) -> None:
    for value, secrets, environ in (
        ("c4nary & key/1", [Secret("c4nary & key/1")], {}),
        ("c4nary & key/2", [], {"MY_API_KEY": "c4nary & key/2"}),
        ("postgres://ann:c4nary-3@db.example/x", [], {}),
    ):
        (tmp_path / value[-1]).mkdir()
        log = crash.write(defect(value), tmp_path / value[-1] / "logs", secrets, environ).read_text()
        assert "c4nary" not in log


def test_it_is_the_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    with careless():
        path = crash.write(defect("x"), tmp_path / "state" / "memdeploy" / "log", [], {})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(modes(tmp_path / "state").values()) == PRIVATE


def test_a_link_in_the_folders_place_is_not_followed(tmp_path: Path) -> None:
    precious = elsewhere(tmp_path / "elsewhere")
    (tmp_path / "log").symlink_to(precious)
    with pytest.raises(JournalError):
        crash.write(defect("x"), tmp_path / "log", [], {})
    assert untouched(precious)


def test_a_file_that_is_there_already_is_not_written_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name can be guessed."""
    monkeypatch.setattr(crash.time, "strftime", lambda *_: "20270101-000000")
    theirs = tmp_path / "theirs"
    theirs.write_text("as it was")
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / f"crash-20270101-000000-{crash.os.getpid()}.log").symlink_to(theirs)
    with pytest.raises(FileExistsError):
        crash.write(defect("x"), tmp_path / "log", [], {})
    assert theirs.read_text() == "as it was"
