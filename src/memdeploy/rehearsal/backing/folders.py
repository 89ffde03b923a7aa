"""Folders on the host that are mounted into containers: a unix socket and public files. No user's secret is in them."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from memdeploy import private
from memdeploy.rehearsal.backing.engine import fingerprint


class Folders:
    def __init__(self, state: Path) -> None:
        self._root = state.resolve() / "guests"  # the engine takes absolute paths only

    def path(self, key: str) -> Path:
        return self._root / fingerprint(key)

    def make(self, key: str) -> Path:
        folder = self.path(key)
        private.make_folder(folder)
        return folder

    def write(self, key: str, name: str, text: str, mode: int = 0o600) -> Path:
        """Replaced in one go: a container may be reading it."""
        folder = self.make(key)
        new = folder / f"{name}.new"
        new.touch(mode=0o600)
        new.write_text(text)
        new.chmod(mode)
        return new.replace(folder / name)

    def remove(self, key: str) -> None:
        shutil.rmtree(self.path(key), ignore_errors=True)

    def remove_all(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._root.rmdir()
