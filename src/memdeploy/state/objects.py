"""Small objects in a folder with compare-and-swap between processes: `<key>.<version>.json`, the highest counts.

Writing version N+1 is the exclusive creation of its file: whoever creates it first has written. The last few versions
stay, so that a number is not free again: a writer that slept between looking and creating, while others went further,
fails. One that slept through more than are kept sees so afterwards. An empty file says: deleted.
"""

from __future__ import annotations

from pathlib import Path

from memdeploy.state import files, versions
from memdeploy.state.store import Conflict

_DELETED = b""
_KEPT = 16  # versions: with a heartbeat each ten seconds, almost three minutes of them


class FolderObjects:
    """`ObjectStore` in a folder that exists."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: str) -> tuple[bytes, int] | None:
        data, version = self._current(key)
        return (data, version) if data != _DELETED else None

    def write(self, key: str, data: bytes, *, expect: int | None) -> int:
        found, version = self._current(key)
        if (None if found == _DELETED else version) != expect:
            raise Conflict
        return self._put(key, data, version + 1)

    def delete(self, key: str, *, expect: int) -> None:
        found, version = self._current(key)
        if found == _DELETED or version != expect:
            raise Conflict
        self._put(key, _DELETED, version + 1)

    def keys(self) -> list[str]:
        return [key for key in versions.stems(self._folder) if self.read(key) is not None]

    def _put(self, key: str, data: bytes, version: int) -> int:
        path = versions.path(self._folder, key, version)
        try:
            first = files.create(path, data)
        except OSError as error:
            raise files.unusable(path, error) from error
        if not first:
            raise Conflict
        found = versions.numbers(self._folder, key)
        if found[0] - version >= _KEPT:
            path.unlink(missing_ok=True)
            raise Conflict
        for older in found:
            if older <= version - _KEPT:
                versions.path(self._folder, key, older).unlink(missing_ok=True)
        return version

    def _current(self, key: str) -> tuple[bytes, int]:
        while True:
            found = versions.numbers(self._folder, key)
            if not found:
                return _DELETED, 0
            try:
                return files.read(versions.path(self._folder, key, found[0])), found[0]
            except FileNotFoundError:
                continue  # a newer version was written and this one tidied away
