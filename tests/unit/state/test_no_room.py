"""Where there is no room: told from missing permissions, nothing is cut short, and no half of a copy stays."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from memdeploy.errors import JournalError
from memdeploy.state import files
from memdeploy.state.deployments import Deployments, Place

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Deployments(tmp_path).create("toys", provider="gcp", identity={}, binding="real", configuration={})


def no_room(path: Path, data: bytes) -> Path:
    raise FULL


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room_is_told_from_no_right(number: int) -> None:
    assert "Make room" in str(files.unusable(Path("/x"), OSError(number, "")).suggestion)
    for other in (errno.EACCES, errno.EROFS, errno.EIO):
        assert "Make room" not in str(files.unusable(Path("/x"), OSError(other, "")).suggestion)


def test_without_room_no_lease_is_taken(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_write_temporary", no_room)
    with pytest.raises(JournalError, match="No space left") as caught:
        place.acquire("up")
    assert "Make room" in str(caught.value.suggestion)


def test_without_room_no_journal_is_taken_over_or_cut_short(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (place.folder / "journal.1.json").read_bytes()
    with place.acquire("up") as lease:
        with monkeypatch.context() as patched:
            patched.setattr(files, "_write_temporary", no_room)
            with pytest.raises(JournalError, match="No space left") as caught:
                place.write(lease)
        assert "Make room" in str(caught.value.suggestion)
        assert [path.name for path in place.folder.glob("journal.*")] == ["journal.1.json"]
        assert (place.folder / "journal.1.json").read_bytes() == before


def test_a_folder_that_was_deleted_in_the_middle_is_told_from_a_full_disk(place: Place) -> None:
    with place.acquire("up") as lease:
        writer = place.write(lease)
        shutil.rmtree(place.folder)
        with pytest.raises(JournalError, match="No such file") as caught:
            writer.update(status="deploying")
    assert "memdeploy recover" in str(caught.value.suggestion)
    assert not place.folder.exists(), "nothing begins it anew"


def test_without_room_half_a_copy_does_not_stay(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = place.read()
    damaged = place.folder / "journal.1.json"
    damaged.write_bytes(b"{")
    with place.acquire("recover") as lease:
        with monkeypatch.context() as patched:
            patched.setattr(files, "replace", no_room)
            with pytest.raises(JournalError, match="No space left"):
                place.rebuild(lease, journal)
        assert list(place.folder.glob("lost-*")) == []
        assert damaged.read_bytes() == b"{"
        assert place.rebuild(lease, journal) is not None
