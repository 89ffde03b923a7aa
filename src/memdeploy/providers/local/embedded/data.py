"""The folder with everything that MemMachine keeps."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memdeploy.config.model import Protection
from memdeploy.engine.converge import Converging
from memdeploy.engine.step import Outputs, Run
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.local import files
from memdeploy.providers.local.embedded import layout
from memdeploy.providers.local.scope import Scope


@dataclass(frozen=True)
class Live:
    """`mode` in octal digits."""

    mode: str


class Data(Converging[Live]):
    """Outputs: `path`."""

    kind = "embedded.data"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.path = layout.data(scope)

    def describe(self) -> str:
        return f"memories in {self.path}"

    def read(self, run: Run) -> Live | None:
        return run.find(self._look)

    def owned(self, run: Run, live: Live) -> bool:
        """It is inside the deployment's own folder."""
        return True

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"mode": "700"}

    def view(self, live: Live) -> Mapping[str, Any]:
        return {"mode": live.mode}

    def create(self, run: Run) -> None:
        run.change("create", str(self.path), lambda intent: files.own_folder(self.path))

    def update(self, run: Run, live: Live, differences: Any) -> None:
        run.change("update", str(self.path), lambda intent: self.path.chmod(0o700))

    def delete(self, run: Run, live: Live) -> None:
        run.change("delete", str(self.path), lambda intent: shutil.rmtree(self.path))

    def protection(self, run: Run) -> str | None:
        """Both databases of other deployments are one folder here: either word protects it."""
        options = self.scope.deployment
        for name, wish in (("postgres", options.postgres), ("neo4j", options.neo4j)):
            if wish.deletion_protection is Protection.LOCKED:
                return f"{name}.deletion_protection is locked"
        return None

    def outputs(self, run: Run, live: Live) -> Outputs:
        return {"path": str(self.path)}

    def _look(self) -> Live:
        if not os.path.lexists(self.path):
            raise CloudError(f"{self.path} is not there", kind=ErrorKind.NOT_FOUND, service="files")
        found = self.path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise files.not_ours(self.path)
        return Live(f"{found.st_mode & 0o777:o}")
