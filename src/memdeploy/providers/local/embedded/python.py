"""The step that finds an interpreter, or has uv download one."""

from __future__ import annotations

import os
from pathlib import Path

from memdeploy import private
from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.errors import Refused, StepFailed
from memdeploy.providers.local import files
from memdeploy.providers.local.embedded import interpreter, layout, uv
from memdeploy.providers.local.embedded.interpreter import Interpreter, Unfit
from memdeploy.providers.local.scope import Scope

DOWNLOADED = f"3.{interpreter.MINORS[0]}"


class Python:
    """Outputs: `path`, `version`. One that served before is taken again while it runs."""

    kind = "embedded.python"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def probe(self, run: Run) -> Observed:
        found = self._find(run)
        if found is None:
            return Observed(State.ABSENT, reason="uv will download one")
        return Observed(State.PRESENT, outputs=_outputs(found))

    def ensure(self, run: Run) -> Outputs:
        found = self._find(run)
        if found is None:
            run.progress(f"downloading Python {DOWNLOADED}")
            run.change("create", str(layout.pythons()), lambda intent: self._download(run.step))
            found = self._find(run)
        if found is None:
            raise _none(run.step, "what was downloaded does not run")
        return _outputs(found)

    def remove(self, run: Run) -> None:
        """Others may use it: a cache."""

    def summary(self, outputs: Outputs) -> str:
        return f"Python {outputs['version']}: {outputs['path']}"

    def _find(self, run: Run) -> Interpreter | None:
        return run.read(lambda: self._known(run.outputs) or find(self.scope)) if self._unsaid else find(self.scope)

    @property
    def _unsaid(self) -> bool:
        return self.scope.deployment.local.python is None

    def _known(self, outputs: Outputs | None) -> Interpreter | None:
        found = interpreter.ask(outputs["path"]) if outputs else None
        return None if isinstance(found, Unfit) else found

    def _download(self, step: str) -> None:
        for folder in (layout.cache(), layout.pythons()):
            files.own_folder(folder)
        try:
            uv.run(
                ["python", "install", "--no-bin", DOWNLOADED], cache=layout.cache() / "downloads",
                pythons=layout.pythons(), where=step, what=f"Python {DOWNLOADED} could not be downloaded",
            )  # fmt: skip
        except StepFailed as error:
            raise _none(step, f"none could be downloaded ({error.message.partition(': ')[2]})") from error


def find(scope: Scope) -> Interpreter | None:
    """One that is there. Raises `Refused` when the one that was asked for will not do."""
    return interpreter.find(scope.deployment.local.python, os.environ, Path.home(), _downloaded())


def _downloaded() -> list[tuple[str, Path]]:
    """(version, folder). They are run: what somebody else put there is none of ours."""
    folder = layout.pythons()
    found = sorted(folder.glob("cpython-3.*")) if private.is_own(folder) else []
    return [(path.name.split("-")[1], path) for path in found]


def _none(step: str, why: str) -> Refused:
    return Refused(
        "MemMachine needs Python 3.12 or newer: there is none on PATH or among pyenv's versions, and " + why,
        code="no-python",
        where=step,
        suggestion=interpreter.REMEDIES,
    )


def _outputs(found: Interpreter) -> Outputs:
    return {"path": found.path, "version": found.version}
