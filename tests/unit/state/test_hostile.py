"""A state folder under a careless umask, and one in which somebody has planted what leads elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memdeploy.engine.events import Event, EventKind
from memdeploy.errors import JournalError, UsageError
from memdeploy.lifecycle.wire import wire_log
from memdeploy.state import files
from memdeploy.state.deployments import Deployments, Place
from tests.support.hostile import PRIVATE, careless, elsewhere, modes, untouched


def born(root: Path, name: str = "memmachine") -> Place:
    return Deployments(root).create(name, provider="gcp", identity={}, binding="real", configuration={})


def used(place: Place) -> None:
    """A journal, a lease, a log of a run: all that a run leaves."""
    with place.acquire("up") as lease:
        writer = place.write(lease)
        writer.update(status="deploying")
        with place.runs().begin("up", 1e9) as log:
            log(Event(EventKind.NOTICE, 1e9, data={"text": "x"}))


def shared(root: Path) -> Place | None:
    return Deployments(root).shared("gcp/p/r", marker="m", binding="real", provider="gcp", identity={})


def test_all_of_it_is_the_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    with careless():
        root = tmp_path / "home" / "state" / "memdeploy"
        used(born(root))
        place = shared(root)
        assert place is not None
        used(place)
        with wire_log(root / "wire.jsonl") as record:
            assert record is not None
            record({})
    found = modes(tmp_path / "home")
    assert set(found.values()) == PRIVATE, found
    assert {Path(name).name.split(".")[0] for name in found} >= {"journal", "lease", "wire", "runs"}


def _deployment(root: Path) -> None:
    used(born(root))


def _shared(root: Path) -> None:
    shared(root)


@pytest.mark.parametrize(("name", "make"), [("memmachine", _deployment), ("_shared", _shared)])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_in_a_folders_place_is_not_followed(
    tmp_path: Path, name: str, make: Callable[[Path], None], dangling: bool
) -> None:
    (tmp_path / "state").mkdir()
    if dangling:
        (tmp_path / "state" / name).symlink_to(tmp_path / "elsewhere")
    else:
        (tmp_path / "state" / name).symlink_to(elsewhere(tmp_path / "elsewhere"))
    with pytest.raises(JournalError):
        make(tmp_path / "state")
    assert not (tmp_path / "elsewhere").exists() if dangling else untouched(tmp_path / "elsewhere")


def test_what_is_shared_is_not_read_through_a_link_either(tmp_path: Path) -> None:
    shared(tmp_path / "theirs")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "_shared").symlink_to(tmp_path / "theirs" / "_shared")
    with pytest.raises(JournalError):
        Deployments(tmp_path / "state").shared_places()


@pytest.mark.parametrize("name", ["journal.2.json", "lease.1.json"])
def test_a_link_in_a_files_place_is_neither_read_nor_written_through(tmp_path: Path, name: str) -> None:
    place = born(tmp_path / "state")
    theirs = tmp_path / "theirs"
    theirs.write_bytes((place.folder / "journal.1.json").read_bytes())
    before = theirs.read_bytes()
    (place.folder / name).symlink_to(theirs)
    with pytest.raises(JournalError):
        used(place)
    assert theirs.read_bytes() == before


def test_a_runs_folder_that_is_a_link_gets_no_log(tmp_path: Path) -> None:
    place = born(tmp_path / "state")
    precious = elsewhere(tmp_path / "elsewhere")
    (place.folder / "runs").symlink_to(precious)
    with pytest.raises(JournalError):
        used(place)
    assert untouched(precious)


def test_a_name_planted_for_a_temporary_file_is_not_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when its name were guessed."""
    theirs = tmp_path / "theirs"
    theirs.write_text("as it was")
    monkeypatch.setattr(files.secrets, "token_hex", lambda size: "00")
    (tmp_path / f".journal.1.json.00{files.TEMPORARY}").symlink_to(theirs)
    for write in (files.create, files.replace):
        with pytest.raises(FileExistsError):
            write(tmp_path / "journal.1.json", b"ours")
    assert theirs.read_text() == "as it was"


def test_writing_replaces_a_link_and_leaves_what_it_led_to(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("as it was")
    (tmp_path / "journal.1.json").symlink_to(theirs)
    files.replace(tmp_path / "journal.1.json", b"ours")
    assert theirs.read_text() == "as it was"
    assert files.read(tmp_path / "journal.1.json") == b"ours"


@pytest.mark.parametrize("dangling", [False, True])
def test_a_wire_log_that_is_a_link_to_a_file_is_refused(tmp_path: Path, dangling: bool) -> None:
    theirs = tmp_path / "theirs"
    if not dangling:
        theirs.write_text("as it was")
    (tmp_path / "wire.jsonl").symlink_to(theirs)
    with pytest.raises(UsageError, match=r"wire\.jsonl"), wire_log(tmp_path / "wire.jsonl"):
        pytest.fail("it was opened")
    assert not theirs.exists() if dangling else theirs.read_text() == "as it was"
