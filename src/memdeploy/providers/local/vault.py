"""A store of secrets in the deployment's own folder: a file each, 0600, with versions by number like a cloud's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memdeploy.engine.step import Run
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.local import files
from memdeploy.providers.local.scope import Scope
from memdeploy.providers.stored import Version
from memdeploy.secret import Secret, SecretRef

FOLDER = "secrets"


@dataclass(frozen=True)
class Entry:
    """`etag` changes with every write."""

    labels: Mapping[str, str]
    etag: str


class FileVault:
    """`providers.stored.Vault` on `<folder>/secrets/<name>.json`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._file = folder / FOLDER / f"{name}.json"

    @property
    def path(self) -> str:
        return str(self._file)

    def get(self) -> Entry:
        found = self._read()
        return Entry(found["labels"], str(found["serial"]))

    def create(self, labels: Mapping[str, str]) -> Entry:
        if self._file.exists():
            raise CloudError(f"secret {self.name} is there already", kind=ErrorKind.CONFLICT, service="files")
        files.own_folder(self._file.parent)
        files.write_json(self._file, {"serial": 1, "labels": dict(labels), "versions": []})
        return self.get()

    def relabel(self, labels: Mapping[str, str], etag: str) -> Entry:
        self._write({**self._read(), "labels": dict(labels)}, etag)
        return self.get()

    def delete(self, etag: str) -> None:
        self._fresh(etag)
        self._file.unlink()

    def version(self, number: int | str) -> Version:
        return Version(int(number), bool(self._version(number)["enabled"]))

    def newest(self) -> Version | None:
        count = len(self._read()["versions"])
        return self.version(count) if count else None

    def reveal(self, number: int | str) -> Secret:
        return Secret(self._version(number)["value"])

    def add(self, run: Run, value: Secret) -> Version:
        def present() -> Version | None:
            newest = self.newest()
            return newest if newest and newest.enabled and self.reveal(newest.number) == value else None

        found = run.read(present)
        if found is not None:
            return found
        added = run.change("addVersion", self.path, lambda intent: self._add(value), trace=lambda intent: present())
        return added or run.until(present, what=f"the new version of {self.name}")

    def _add(self, value: Secret) -> Version:
        found = self._read()
        versions = [*found["versions"], {"enabled": True, "value": value.reveal()}]
        self._write({**found, "versions": versions}, str(found["serial"]))
        return Version(len(versions), True)

    def _version(self, number: int | str) -> Mapping[str, Any]:
        versions = self._read()["versions"]
        index = len(versions) if number == "latest" else int(number)
        if not 1 <= index <= len(versions):
            raise CloudError(f"secret {self.name} has no version {number}", kind=ErrorKind.NOT_FOUND, service="files")
        entry: Mapping[str, Any] = versions[index - 1]
        return entry

    def _write(self, content: Mapping[str, Any], etag: str) -> None:
        self._fresh(etag)
        files.write_json(self._file, {**content, "serial": int(etag) + 1})

    def _fresh(self, etag: str) -> None:
        if str(self._read()["serial"]) != etag:
            raise CloudError(f"secret {self.name} was changed meanwhile", kind=ErrorKind.STALE, service="files")

    def _read(self) -> dict[str, Any]:
        if self._file.parent.is_symlink():
            raise files.not_ours(self._file.parent)
        found: dict[str, Any] = files.read_json(self._file)
        return found


def reveal(scope: Scope, ref: SecretRef) -> Secret:
    """The value that a journalled reference names. To be called inside the one call that needs it."""
    return FileVault(scope.folder, ref.name).reveal(ref.version)


def hold(scope: Scope) -> None:
    """Reads every value of the deployment's, so that what its servers say is told without them (`secret.heard`). What
    cannot be read, this process cannot tell apart."""
    for path in (scope.folder / FOLDER).glob("*.json"):
        with contextlib.suppress(CloudError, OSError, LookupError, TypeError):
            for version in files.read_json(path)["versions"]:
                Secret(version["value"])


def revealer(scope: Scope, output: Mapping[str, Any]) -> Callable[[], Secret]:
    """The same of a step's output `secret`."""
    return lambda: reveal(scope, SecretRef.from_json(output))
