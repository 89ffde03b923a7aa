"""Secret Manager's calls: read, find versions by number, add one exactly once, reveal.

A version by its number is strongly consistent, lists are not (https://cloud.google.com/secret-manager/docs/reference/consistency):
so the newest version is found by walking up from what a list shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from memdeploy.engine.step import Run
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.gcp import errors
from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.scope import Scope
from memdeploy.providers.stored import Version
from memdeploy.secret import Secret, SecretRef


class Vault:
    """Calls on one secret; `name` is its short name, or the full path of a secret of somebody else."""

    def __init__(self, scope: Scope, name: str) -> None:
        self._call = scope.clients.secrets
        self._parent = scope.names.project_path
        self.name = name
        self.path = name if "/" in name else scope.names.secret(name)

    def get(self) -> Any:
        """The secret's message."""
        return self._call("get_secret", name=self.path)

    def create(self, labels: Mapping[str, str]) -> Any:
        secret = {"replication": {"automatic": {}}, "labels": dict(labels)}
        return self._call("create_secret", parent=self._parent, secret_id=self.name, secret=secret)

    def relabel(self, labels: Mapping[str, str], etag: str) -> Any:
        secret = {"name": self.path, "labels": dict(labels), "etag": etag}
        return self._call("update_secret", secret=secret, update_mask={"paths": ["labels"]})

    def delete(self, etag: str) -> None:
        self._call("delete_secret", name=self.path, etag=etag)

    def version(self, number: int | str) -> Version:
        """`latest` too. Raises NOT_FOUND of the client's kind."""
        found = self._call("get_secret_version", name=f"{self.path}/versions/{number}")
        return Version(int(last(found.name)), found.state.name == "ENABLED")

    def newest(self) -> Version | None:
        """The version with the highest number, found by list and then by number; None when there is none."""
        listed = [Version(int(last(v.name)), v.state.name == "ENABLED") for v in self._list()]
        best = max(listed, key=lambda version: version.number, default=None)
        while True:
            following = _absent_is_none(lambda number=(best.number if best else 0) + 1: self.version(number))  # type: ignore[misc]
            if following is None:
                return best
            best = following

    def reveal(self, number: int | str) -> Secret:
        """The payload, checked. To be called inside the one call that needs the value."""
        import google_crc32c

        payload = self._call("access_secret_version", name=f"{self.path}/versions/{number}").payload
        if payload.data_crc32c and payload.data_crc32c != google_crc32c.value(payload.data):
            raise CloudError(f"{self.name}: the answer was damaged on its way", kind=ErrorKind.UNAVAILABLE)
        return Secret(payload.data.decode())

    def add(self, run: Run, value: Secret) -> Version:
        """A new version with this value, exactly once: whatever was lost, a newest version that already holds it is
        taken instead. The value goes over the wire as it is: no newline at its end."""
        before = run.read(self.newest)

        def present() -> Version | None:
            found = self.newest()
            if found is None or not found.enabled:
                return None
            return found if self.reveal(found.number) == value else None

        if before is not None and run.read(present) == before:
            return before
        added = run.change("addVersion", self.path, lambda intent: self._add(value), trace=lambda intent: present())
        return added or run.until(present, what=f"the new version of {self.name}")

    def _add(self, value: Secret) -> Version:
        import google_crc32c

        data = value.reveal().encode()
        payload = {"data": data, "data_crc32c": google_crc32c.value(data)}
        found = self._call("add_secret_version", parent=self.path, payload=payload)
        return Version(int(last(found.name)), True)

    def _list(self) -> list[Any]:
        return list(self._call("list_secret_versions", parent=self.path, page_size=250))


def reveal(scope: Scope, ref: SecretRef) -> Secret:
    """The value that a journalled reference names. To be called inside the one call that needs it."""
    return Vault(scope, ref.name).reveal(ref.version)


def _absent_is_none(call: Callable[[], Version]) -> Version | None:
    """NOT_FOUND as None, inside a read that would otherwise ask again for what is not meant to be there."""
    try:
        return call()
    except Exception as raised:
        error = errors.classify(raised)
        if error is None or error.kind is not ErrorKind.NOT_FOUND:
            raise
        return None
