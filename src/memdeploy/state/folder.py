"""A journal in a folder: `journal.<epoch>.json`, of which the highest epoch counts.

No lock is held across a write. A writer of epoch N puts its snapshot in place and then looks for a higher epoch: if
there is one it was fenced off, and must not act on what it wrote. A takeover creates the file of epoch N+1 exclusively,
with nothing but a fence in it, and only then reads epoch N. So every commit of N either came before the fence, and is
read, or sees the fence, and fails. A fence alone (after a crash in between) is no snapshot.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import time
from pathlib import Path

from memdeploy.errors import JournalError, Locked
from memdeploy.state import files, versions
from memdeploy.state.store import Conflict, Stored

_STEM = "journal"
_STALE = 3600.0  # seconds
_LOOKS = 20  # at files that vanish between listing and reading; each time, others have written
_ITS_FOLDER_IS_GONE = (
    "Its folder was deleted or moved meanwhile. Put it back and run the same command again; or `memdeploy recover`"
    " writes the journal anew from what is there."
)
_FENCE = b'{"fence":true}\n'


class FolderStore:
    """`JournalStore` in a folder, which is made when the journal is created."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.where = str(folder)

    def load(self) -> Stored | None:
        while True:
            epochs = versions.numbers(self._folder, _STEM)
            if not epochs:
                return None
            files.check_folder(self._folder)
            with contextlib.suppress(FileNotFoundError):  # tidied away by a newer epoch: look again
                return self._newest(epochs)

    def create(self, data: bytes) -> None:
        files.make_folder(self._folder)
        if versions.numbers(self._folder, _STEM) or not self._create(1, data):
            raise Conflict

    def fence(self) -> Stored:
        while True:
            epochs = versions.numbers(self._folder, _STEM)
            if not epochs:
                raise Conflict
            files.check_folder(self._folder)
            epoch = epochs[0] + 1
            if self._create(epoch, _FENCE):
                break
        before = self._before(epoch)
        self._tidy(keep_from=before.epoch)
        return Stored(epoch, before.data, before.where)

    def save(self, epoch: int, data: bytes) -> None:
        try:
            files.replace(versions.path(self._folder, _STEM, epoch), data)
        except OSError as error:
            self._check_fence(epoch)
            raise self._unwritten(error) from error
        self._check_fence(epoch)

    def snapshots(self) -> tuple[Stored, ...]:
        found: list[Stored] = []
        for epoch in versions.numbers(self._folder, _STEM):
            path = versions.path(self._folder, _STEM, epoch)
            with contextlib.suppress(FileNotFoundError, JournalError):
                data = files.read(path)
                found += [Stored(epoch, data, str(path))] if data != _FENCE else []
        return tuple(found)

    def set_aside(self, name: str) -> str | None:
        aside = self._folder / name
        there = [versions.path(self._folder, _STEM, epoch) for epoch in versions.numbers(self._folder, _STEM)]
        if not there:
            return None
        files.make_folder(aside)
        try:
            for path in there:
                with contextlib.suppress(FileNotFoundError):
                    self._copy(path, aside / path.name)
        except JournalError:  # half a copy is none, and takes room
            shutil.rmtree(aside, ignore_errors=True)
            raise
        return str(aside)

    def seize(self) -> int:
        files.make_folder(self._folder)
        while True:
            epoch = max(versions.numbers(self._folder, _STEM), default=0) + 1
            if self._create(epoch, _FENCE):
                return epoch

    def _copy(self, path: Path, to: Path) -> None:
        data = files.read(path)
        try:
            files.replace(to, data)
        except OSError as error:
            raise files.unusable(to, error) from error

    def _before(self, epoch: int) -> Stored:
        """The last snapshot at the moment of our fence, or a later one that was written in vain."""
        for _ in range(_LOOKS):
            # The one below us is named: a listing may miss a file that is just being put in place (POSIX, readdir).
            epochs = {*versions.numbers(self._folder, _STEM), epoch - 1}
            try:
                return self._newest(sorted(epochs, reverse=True))
            except FileNotFoundError:  # tidied away since: by somebody above us, or because a higher one is written
                self._check_fence(epoch)
        raise JournalError(f"the journal in {self._folder} is being removed", where=str(self._folder))

    def _check_fence(self, epoch: int) -> None:
        next_one = versions.path(self._folder, _STEM, epoch + 1)  # by name, for the same reason as above
        if next_one.exists() or versions.numbers(self._folder, _STEM)[:1] > [epoch]:
            raise Locked(
                "another run took this deployment over; this one stops without changing anything more",
                code="fenced",
                where=str(self._folder),
            )

    def _create(self, epoch: int, data: bytes) -> bool:
        try:
            return files.create(versions.path(self._folder, _STEM, epoch), data)
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> JournalError:
        return JournalError(
            f"cannot write the journal in {self._folder}: {error.strerror or error}",
            where=str(self._folder),
            suggestion=_ITS_FOLDER_IS_GONE if error.errno == errno.ENOENT else files.MAKE_ROOM,
        )

    def _newest(self, epochs: list[int]) -> Stored:
        for epoch in epochs:
            path = versions.path(self._folder, _STEM, epoch)
            data = files.read(path)
            if data != _FENCE:
                return Stored(epoch, data, str(path))
        raise JournalError(
            f"{self._folder} holds no snapshot of the journal, only fences",
            code="journal-damaged",
            where=str(self._folder),
            suggestion="`memdeploy recover` writes it anew from what is there; or restore journal.<number>.json from a"
            " copy.",
        )

    def _tidy(self, *, keep_from: int) -> None:
        """The last snapshot stays beside the new one; older ones go, and what crashes left: temporary files that are
        too old to be somebody's who is just writing."""
        for epoch in versions.numbers(self._folder, _STEM):
            if epoch < keep_from:
                versions.path(self._folder, _STEM, epoch).unlink(missing_ok=True)
        for left in self._folder.glob(f".{_STEM}.*{files.TEMPORARY}"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > _STALE:
                    left.unlink()
