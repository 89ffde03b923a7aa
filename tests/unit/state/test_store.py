"""What every store must keep, whatever it is made of: two clients against each other, and two processes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from memdeploy.errors import JournalError, Locked
from memdeploy.state import files, versions
from memdeploy.state.folder import FolderStore
from memdeploy.state.objects import FolderObjects
from memdeploy.state.store import Conflict, JournalStore, ObjectStore

Clients = Callable[[], ObjectStore]
Journals = Callable[[], JournalStore]


@pytest.fixture(params=["folder"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Clients:
    return lambda: FolderObjects(tmp_path)


@pytest.fixture(params=["folder"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journals:
    return lambda: FolderStore(tmp_path / "d")


# -- objects ---------------------------------------------------------------------------------------------------------


def test_what_is_not_there_is_none(client: Clients) -> None:
    assert client().read("lease") is None
    assert client().keys() == []


def test_what_one_writes_the_other_reads(client: Clients) -> None:
    one, two = client(), client()
    version = one.write("lease", b"1", expect=None)
    assert two.read("lease") == (b"1", version)
    assert two.keys() == ["lease"]


def test_creating_twice_is_a_conflict(client: Clients) -> None:
    one, two = client(), client()
    one.write("lease", b"1", expect=None)
    with pytest.raises(Conflict):
        two.write("lease", b"2", expect=None)
    assert one.read("lease") is not None


def test_an_old_version_cannot_be_written_over(client: Clients) -> None:
    one, two = client(), client()
    first = one.write("lease", b"1", expect=None)
    second = two.write("lease", b"2", expect=first)
    with pytest.raises(Conflict):
        one.write("lease", b"3", expect=first)
    assert one.read("lease") == (b"2", second)


def test_deleting_is_conditional_and_versions_never_come_again(client: Clients) -> None:
    one, two = client(), client()
    first = one.write("lease", b"1", expect=None)
    two.delete("lease", expect=first)
    assert one.read("lease") is None
    assert one.keys() == []
    with pytest.raises(Conflict):
        one.delete("lease", expect=first)
    again = one.write("lease", b"2", expect=None)
    assert again != first
    with pytest.raises(Conflict):
        two.delete("lease", expect=first)


def test_of_many_at_once_one_wins(client: Clients) -> None:
    won: list[int] = []
    start = threading.Barrier(8)

    def compete(number: int) -> None:
        mine = client()
        start.wait()
        try:
            mine.write("lease", str(number).encode(), expect=None)
        except Conflict:
            return
        won.append(number)

    threads = [threading.Thread(target=compete, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = client().read("lease")
    assert found is not None
    assert [int(found[0])] == won


class Sleeper(FolderObjects):
    """Falls asleep between looking at the current version and writing the next."""

    def __init__(self, folder: Path, meanwhile: Callable[[], None]) -> None:
        super().__init__(folder)
        self._meanwhile = meanwhile

    def _put(self, key: str, data: bytes, version: int) -> int:
        self._meanwhile()
        return super()._put(key, data, version)


@pytest.mark.parametrize("times", [1, 5, 40])
def test_a_writer_that_slept_while_others_went_further_has_not_written(tmp_path: Path, times: int) -> None:
    other = FolderObjects(tmp_path)
    first = other.write("lease", b"0", expect=None)

    def meanwhile() -> None:
        version = first
        for number in range(times):
            version = other.write("lease", str(number).encode(), expect=version)

    with pytest.raises(Conflict):
        Sleeper(tmp_path, meanwhile).write("lease", b"late", expect=first)
    found = other.read("lease")
    assert found is not None
    assert found[0] == str(times - 1).encode()
    assert len(list(tmp_path.iterdir())) <= 17


_COUNT = """
import sys, pathlib
from memdeploy.state.objects import FolderObjects
from memdeploy.state.store import Conflict
objects = FolderObjects(pathlib.Path(sys.argv[1]))
done = 0
while done < 40:
    data, version = objects.read("counter")
    try:
        objects.write("counter", str(int(data) + 1).encode(), expect=version)
    except Conflict:
        continue
    done += 1
"""


def test_two_processes_lose_no_update(tmp_path: Path) -> None:
    FolderObjects(tmp_path).write("counter", b"0", expect=None)
    processes = [subprocess.Popen([sys.executable, "-c", _COUNT, str(tmp_path)]) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    found = FolderObjects(tmp_path).read("counter")
    assert found is not None
    assert found[0] == b"80"


# -- journals --------------------------------------------------------------------------------------------------------


def test_a_journal_is_created_once(journal: Journals) -> None:
    assert journal().load() is None
    journal().create(b"one")
    with pytest.raises(Conflict):
        journal().create(b"two")
    found = journal().load()
    assert found is not None
    assert (found.epoch, found.data) == (1, b"one")


def test_a_fence_without_a_journal_is_a_conflict(journal: Journals) -> None:
    with pytest.raises(Conflict):
        journal().fence()


def test_a_fence_hands_over_the_last_snapshot(journal: Journals) -> None:
    one, two = journal(), journal()
    one.create(b"born")
    epoch = one.fence().epoch
    one.save(epoch, b"written")
    taken = two.fence()
    assert (taken.epoch, taken.data) == (epoch + 1, b"written")


def test_whoever_was_fenced_off_cannot_save(journal: Journals) -> None:
    one, two = journal(), journal()
    one.create(b"born")
    old = one.fence().epoch
    one.save(old, b"mine")
    new = two.fence().epoch
    with pytest.raises(Locked) as caught:
        one.save(old, b"late")
    assert caught.value.code == "fenced"
    two.save(new, b"theirs")
    found = one.load()
    assert found is not None
    assert found.data == b"theirs"


def test_a_fence_alone_is_no_snapshot(journal: Journals) -> None:
    """The taker died between the fence and its first write."""
    journal().create(b"born")
    journal().fence()
    found = journal().load()
    assert found is not None
    assert found.data == b"born"
    assert journal().fence().data == b"born"


def test_a_takeover_reads_again_when_what_it_was_about_to_read_is_tidied_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the middle epoch writes (in vain) after the third has looked, and a slow earlier one tidies for it."""
    store = FolderStore(tmp_path / "d")
    store.create(b"born")
    assert store.fence().epoch == 2
    first, second = (versions.path(tmp_path / "d", "journal", number) for number in (1, 2))
    read = files.read

    def others_come_between(path: Path) -> bytes:
        if path == first and first.exists():
            files.replace(second, b"late")
            first.unlink()
        return read(path)

    monkeypatch.setattr(files, "read", others_come_between)
    taken = store.fence()
    assert (taken.epoch, taken.data) == (3, b"late")


def test_a_journal_that_vanishes_while_it_is_taken_over_is_an_error_and_no_endless_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path / "d")
    store.create(b"born")
    read = files.read

    def removed_by_hand(path: Path) -> bytes:
        for found in (tmp_path / "d").iterdir():
            found.unlink()
        return read(path)

    monkeypatch.setattr(files, "read", removed_by_hand)
    with pytest.raises(JournalError, match="being removed"):
        store.fence()


@pytest.mark.parametrize("missed", [{1}, {2}])
def test_neither_fence_nor_snapshot_is_overlooked_when_a_listing_misses_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missed: set[int]
) -> None:
    """As POSIX allows for a file that is put in place while the folder is being read."""
    store = FolderStore(tmp_path / "d")
    store.create(b"born")
    numbers, calls = versions.numbers, []

    def listing(folder: Path, stem: str) -> list[int]:
        calls.append(stem)
        return [n for n in numbers(folder, stem) if len(calls) == 1 or n not in missed]

    monkeypatch.setattr(versions, "numbers", listing)
    taken = store.fence()
    assert (taken.epoch, taken.data) == (2, b"born")
    with pytest.raises(Locked):
        store.save(1, b"late")


def test_of_many_takeovers_each_has_its_own_epoch(journal: Journals) -> None:
    journal().create(b"born")
    epochs: list[int] = []
    start = threading.Barrier(6)

    def take() -> None:
        start.wait()
        epochs.append(journal().fence().epoch)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(epochs) == list(range(2, 8))


def test_at_most_the_last_snapshot_stays_beside_the_new_one(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "d")
    store.create(b"0")
    for number in range(5):
        store.save(store.fence().epoch, str(number).encode())
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == ["journal.5.json", "journal.6.json"]


def test_files_are_private(tmp_path: Path) -> None:
    FolderStore(tmp_path / "d").create(b"x")
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "d" / "journal.1.json").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_was_opened_up_is_closed_again(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "d")
    store.create(b"x")
    (tmp_path / "d").chmod(0o755)
    store.load()
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "d")
    store.create(b"x")
    (tmp_path / "elsewhere").write_text(json.dumps({}))
    (tmp_path / "d" / "journal.2.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError):
        store.load()
    (tmp_path / "link").symlink_to(tmp_path / "d")
    with pytest.raises(JournalError, match="symbolic links are not followed"):
        FolderStore(tmp_path / "link").load()
