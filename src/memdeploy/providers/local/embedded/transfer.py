"""What MemMachine keeps into files, and files in the place of what it keeps. The service is at rest meanwhile."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from memdeploy import private
from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.errors import StepFailed
from memdeploy.providers.local import sizes
from memdeploy.providers.local.embedded import layout
from memdeploy.providers.local.scope import Scope

INDEX = "index"
PARTS: Mapping[str, str] = {"memories": "memories.db", "vectors": "vectors.db", "index": f"{INDEX}.tar"}
"Part -> its file in a backup. The first two are named so in the data folder, too (`docker/on_disk.py`)."
_BESIDE = ("-wal", "-shm", "-journal")
"What SQLite keeps beside a database belongs to the one that was there."


class Transfer:
    """Of one part. `folder` holds the files."""

    kind = "embedded.transfer"

    def __init__(self, scope: Scope, part: str, folder: Path) -> None:
        self.data = layout.data(scope)
        self.part = part
        self.file = folder / PARTS[part]

    def probe(self, run: Run) -> Observed:
        return Observed(State.ABSENT)

    def remove(self, run: Run) -> None:
        """There is nothing to remove."""

    def summary(self, outputs: Outputs) -> str:
        return sizes.words(outputs["bytes"]) if "bytes" in outputs else ""


class Dump(Transfer):
    """Outputs: `file`, `bytes`, `sha256`."""

    def ensure(self, run: Run) -> Outputs:
        run.read(lambda: written(self.file, lambda draft: dump(self.data, self.part, draft)))
        return {"file": self.file.name, "bytes": self.file.stat().st_size, "sha256": sha256(self.file)}


class Load(Transfer):
    def ensure(self, run: Run) -> Outputs:
        run.change("load", str(self.data / self.part), lambda intent: load(self.data, self.part, self.file))
        return {}


def dump(data: Path, part: str, target: Path) -> None:
    if part == "index":
        private.create(target)
        with tarfile.open(target, "w") as archive:
            for path in sorted((data / INDEX).glob("*")):
                archive.add(path, path.name)
        return
    copy(data / PARTS[part], target)


def load(data: Path, part: str, source: Path) -> None:
    """What is there goes when all of the new is on the disk, not before."""
    if part == "index":
        _load_index(data / INDEX, source)
        return
    place = data / PARTS[part]
    draft = place.with_name(f".{place.name}.new")
    copy(source, draft)
    for suffix in _BESIDE:
        place.with_name(place.name + suffix).unlink(missing_ok=True)
    draft.replace(place)


def copy(source: Path, target: Path) -> None:
    """A database whole, as its own library reads it. Raises `StepFailed` for a damaged one, `OSError` where there is no
    room. https://www.sqlite.org/backup.html"""
    private.create(target)
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        try:
            old.backup(new)
            said = new.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
            said = str(error)
    if said != "ok":
        raise StepFailed(f"{source} is damaged: {said}", code="database-damaged", where=source.name)
    _settle(target)


def written(target: Path, write: Callable[[Path], None]) -> None:
    """A file whole or not at all, readable by its owner alone."""
    draft = target.with_name(f".{target.name}.new")
    write(draft)
    _settle(draft)
    draft.replace(target)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_index(place: Path, source: Path) -> None:
    draft, old = (place.with_name(f".{INDEX}.{word}") for word in ("new", "old"))
    for path in (draft, old):
        shutil.rmtree(path, ignore_errors=True)
    draft.mkdir(mode=0o700)
    with tarfile.open(source) as archive:
        archive.extractall(draft, filter="data")
    for path in draft.iterdir():
        path.chmod(0o600)
        _settle(path)
    if place.exists():
        place.rename(old)
    draft.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _settle(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
