"""Files and folders that are their user's alone, for every room."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from memdeploy import private
from tests.support.hostile import PRIVATE, careless, elsewhere, modes, untouched


def test_whatever_the_umask_and_however_deep_all_of_it_is_private(tmp_path: Path) -> None:
    with careless():
        private.make_folder(tmp_path / "a" / "b" / "c")
        private.make_missing(tmp_path / "a" / "d" / "e")
        private.create(tmp_path / "a" / "created")
        private.write(tmp_path / "a" / "written", "text")
        os.close(private.open_file(tmp_path / "a" / "opened", os.O_RDWR))
    assert set(modes(tmp_path / "a").values()) == PRIVATE


def test_what_is_there_and_open_is_tightened_only_where_it_is_ours_to_say(tmp_path: Path) -> None:
    for name in ("own", "above"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o775)
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o664)
    private.make_folder(tmp_path / "own")
    private.make_missing(tmp_path / "above" / "in it")
    os.close(private.open_file(tmp_path / "file", os.O_RDONLY))
    found = {name: path.removeprefix("folder ").removeprefix("file ") for name, path in modes(tmp_path).items()}
    assert (found["own"], found["above"], found["file"]) == ("700", "775", "600")


@pytest.mark.parametrize("there", ["link", "dangling link", "file", "another user's"])
def test_what_is_no_folder_of_ours_is_refused(tmp_path: Path, there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = elsewhere(tmp_path / "elsewhere")
    place = tmp_path / "place"
    if there == "file":
        place.touch()
    elif there == "another user's":
        place.mkdir()
        monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    else:
        place.symlink_to(precious if there == "link" else tmp_path / "nowhere")
    with pytest.raises(PermissionError, match="links are not followed"):
        private.make_folder(place)
    assert not private.is_own(place)
    assert untouched(precious)
    assert not (tmp_path / "nowhere").exists()


def test_a_way_through_a_file_is_no_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        private.make_missing(tmp_path / "file")


def test_one_who_writes_half_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    private.write(tmp_path / "it", "old")

    def interrupted() -> None:
        with private.whole(tmp_path / "it") as file:
            file.write(b"half of")
            file.flush()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert private.read(tmp_path / "it") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool]] = []
    really = os.fsync

    def noting(handle: int) -> None:
        seen.append(("folder" if Path(f"/dev/fd/{handle}").is_dir() else "file", (tmp_path / "it").exists()))
        really(handle)

    monkeypatch.setattr(os, "fsync", noting)
    with private.whole(tmp_path / "it") as file:
        file.write(b"x")
    assert seen == [("file", False), ("folder", True)]


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND])
@pytest.mark.parametrize("opened", [private.open_file, private.open_there])
@pytest.mark.parametrize("there", ["link", "pipe", "another user's"])
def test_what_is_no_plain_file_of_ours_is_not_opened(
    tmp_path: Path, there: str, opened: object, flags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, place = tmp_path / "theirs", tmp_path / "place"
    theirs.write_text("as it was")
    if there == "link":
        place.symlink_to(theirs)
    elif there == "pipe":
        os.mkfifo(place)
    else:
        place.touch()
        monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    before = _open_files()
    with pytest.raises(OSError, match=r".") as raised:
        opened(place, flags)  # type: ignore[operator]
    assert not isinstance(raised.value, FileNotFoundError)
    assert _open_files() == before, "and nothing of it is left open"
    assert theirs.read_text() == "as it was"


def test_what_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        private.open_there(tmp_path / "it", os.O_RDONLY)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_had_at_once_or_not(tmp_path: Path) -> None:
    one, other = (private.open_file(tmp_path / "lock", os.O_RDWR) for _ in range(2))
    try:
        assert private.taken(one, fcntl.LOCK_SH)
        assert private.taken(other, fcntl.LOCK_SH)
        assert not private.taken(other)
    finally:
        os.close(one)
    assert private.taken(other)
    os.close(other)


def test_an_empty_file_takes_the_place_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("as it was")
    (tmp_path / "it").symlink_to(tmp_path / "theirs")
    private.create(tmp_path / "it")
    assert (tmp_path / "theirs").read_text() == "as it was"
    assert private.read(tmp_path / "it") == ""


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))
