"""MemMachine's files into a backup and back: whole databases, a whole index, or what was there before."""

from __future__ import annotations

import hashlib
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from memdeploy.errors import StepFailed
from memdeploy.providers.local.embedded import layout, transfer
from memdeploy.providers.local.embedded.transfer import PARTS, Dump, Load
from memdeploy.providers.local.errors import FULL
from tests.unit.providers.local.embedded.support import Rig, scope


def database(path: Path, *rows: str, wal: bool = False) -> sqlite3.Connection:
    """Open, so that what a write-ahead log holds is not yet in the file."""
    opened = sqlite3.connect(path)
    if wal:
        opened.execute("PRAGMA journal_mode=WAL")
    opened.execute("CREATE TABLE t (text)")
    opened.executemany("INSERT INTO t VALUES (?)", [(row,) for row in rows])
    opened.commit()
    return opened


def rows(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as opened:
        return [row[0] for row in opened.execute("SELECT text FROM t")]


class Place:
    def __init__(self, root: Path, name: str) -> None:
        self.scope = scope(root / name)
        self.data = layout.data(self.scope)
        self.data.mkdir(parents=True)

    def index(self, **files: str) -> None:
        (self.data / "index").mkdir()
        for name, text in files.items():
            (self.data / "index" / f"{name}.idx").write_text(text)

    def indexed(self) -> dict[str, str]:
        return {path.stem: path.read_text() for path in (self.data / "index").iterdir()}


@pytest.fixture
def one(tmp_path: Path) -> Place:
    return Place(tmp_path, "one")


@pytest.fixture
def other(tmp_path: Path) -> Place:
    return Place(tmp_path, "other")


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    (tmp_path / "backup").mkdir()
    return tmp_path / "backup"


def test_what_one_kept_the_other_keeps_afterwards(one: Place, other: Place, backup: Path) -> None:
    with closing(database(one.data / "memories.db", "one", "two", wal=True)), closing(
        database(one.data / "vectors.db", "v")
    ):  # fmt: skip
        one.index(a="vectors of a", b="vectors of b")
        for part, name in PARTS.items():
            said = Rig().ensure(Dump(one.scope, part, backup)).steps[0].outputs
            content = (backup / name).read_bytes()
            assert said == {"file": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            assert oct((backup / name).stat().st_mode & 0o777) == "0o600"
    assert sorted(path.name for path in backup.iterdir()) == sorted(PARTS.values()), "no drafts, no logs of SQLite's"

    database(other.data / "memories.db", "old").close()
    (other.data / "memories.db-wal").write_bytes(b"of the old one")
    other.index(c="old")
    for _ in range(2):  # a run that ended between is repeated
        for part in PARTS:
            assert Rig().ensure(Load(other.scope, part, backup)).ok
    assert sorted(path.name for path in other.data.iterdir()) == ["index", "memories.db", "vectors.db"]
    assert rows(other.data / "memories.db") == ["one", "two"]
    assert rows(other.data / "vectors.db") == ["v"]
    assert other.indexed() == {"a": "vectors of a", "b": "vectors of b"}


def test_no_index_yet_is_an_empty_one(one: Place, other: Place, backup: Path) -> None:
    assert Rig().ensure(Dump(one.scope, "index", backup)).ok
    assert Rig().ensure(Load(other.scope, "index", backup)).ok
    assert other.indexed() == {}


def test_a_damaged_database_is_no_backup(one: Place, backup: Path) -> None:
    database(one.data / "memories.db", *("x" * 500 for _ in range(400))).close()
    with (one.data / "memories.db").open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 6)
    error = Rig().ensure(Dump(one.scope, "memories", backup)).error
    assert error is not None
    assert error.code == "database-damaged"
    assert not (backup / "memories.db").exists()


def test_a_disk_without_room_is_no_damage(one: Place, backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database(one.data / "memories.db", *("x" * 500 for _ in range(400))).close()
    connect = sqlite3.connect

    def narrow(*arguments: Any, **more: Any) -> sqlite3.Connection:
        found = connect(*arguments, **more)
        if not more:  # what is written to
            found.execute("PRAGMA max_page_count = 5")
        return found

    monkeypatch.setattr(transfer.sqlite3, "connect", narrow)
    error = Rig().ensure(Dump(one.scope, "memories", backup)).error
    assert error is not None
    assert (error.code, error.suggestion) == ("cloud-quota", FULL)
    assert "No space left on device" in error.message
    assert "damaged" not in error.message
    assert not (backup / "memories.db").exists()


def test_a_damaged_backup_leaves_what_is_there(one: Place, backup: Path) -> None:
    database(one.data / "memories.db", "kept").close()
    (backup / "memories.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StepFailed, match="damaged"):
        transfer.load(one.data, "memories", backup / "memories.db")
    assert rows(one.data / "memories.db") == ["kept"]
    (backup / "index.tar").write_bytes(b"no archive")
    one.index(a="kept")
    with pytest.raises(tarfile.ReadError):
        transfer.load(one.data, "index", backup / "index.tar")
    assert one.indexed() == {"a": "kept"}


def test_an_archive_that_names_a_place_outside_is_refused(one: Place, tmp_path: Path, backup: Path) -> None:
    (tmp_path / "evil").write_text("evil")
    with tarfile.open(backup / "index.tar", "w") as archive:
        archive.add(tmp_path / "evil", "../../evil.idx")
    one.index(a="kept")
    with pytest.raises(tarfile.FilterError):
        transfer.load(one.data, "index", backup / "index.tar")
    assert one.indexed() == {"a": "kept"}
    assert not list(tmp_path.rglob("evil.idx"))
