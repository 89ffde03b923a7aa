"""The deployment's own folder: its secrets and, embedded, its data and logs."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memdeploy import private
from memdeploy.engine.converge import Converging
from memdeploy.engine.step import Outputs, Run
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.local import files
from memdeploy.providers.local.scope import Scope
from memdeploy.providers.local.settled import default_folder

OWNER = "owner.json"


@dataclass(frozen=True)
class Found:
    """`labels` None: the folder holds no sign of whose it is. `mode` in octal digits."""

    labels: Mapping[str, str] | None
    mode: str


class Folder(Converging[Found]):
    """Outputs: `path`. A file in it says whose it is, and is written first."""

    kind = "local.folder"

    def __init__(self, scope: Scope, path: str) -> None:
        self.scope = scope
        self.path = Path(path)

    def describe(self) -> str:
        return f"folder {self.path}"

    def read(self, run: Run) -> Found | None:
        return run.find(self._look)

    def owned(self, run: Run, live: Found) -> bool:
        return self.scope.marker.on_labels(live.labels)

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"mode": "700"}

    def view(self, live: Found) -> Mapping[str, Any]:
        return {"mode": live.mode}

    def create(self, run: Run) -> None:
        run.change("create", str(self.path), lambda intent: self._draft())

    def update(self, run: Run, live: Found, differences: Any) -> None:
        run.change("update", str(self.path), lambda intent: self.path.chmod(0o700))

    def delete(self, run: Run, live: Found) -> None:
        run.change("delete", str(self.path), lambda intent: self._clear())

    def outputs(self, run: Run, live: Found) -> Outputs:
        return {"path": str(self.path)}

    def _clear(self) -> None:
        """And the folder of all deployments when this was the last, unless the user named it."""
        shutil.rmtree(self.path)
        if self.path.parent == default_folder():
            with contextlib.suppress(OSError):
                self.path.parent.rmdir()

    def _look(self) -> Found:
        if not os.path.lexists(self.path):
            raise CloudError(f"{self.path} is not there", kind=ErrorKind.NOT_FOUND, service="files")
        found = self.path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise files.not_ours(self.path)
        return Found(self._labels() if found.st_uid == os.geteuid() else None, f"{found.st_mode & 0o777:o}")

    def _labels(self) -> Mapping[str, str] | None:
        try:
            labels: Mapping[str, str] = files.read_json(self.path / OWNER)
        except CloudError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            return None
        return labels

    def _draft(self) -> None:
        """Under a name of its own until it says whose it is: an interrupted run leaves none that nobody owns."""
        private.make_missing(self.path.parent)
        if os.path.lexists(self.path):
            raise CloudError(f"{self.path} is there already", kind=ErrorKind.CONFLICT, service="files")
        draft = self.path.with_name(f".{self.path.name}.new")
        files.own_folder(draft)
        files.write_json(draft / OWNER, self.scope.marker.labels)
        draft.rename(self.path)
