"""Runs one of the container's words (`docker/<word>.py`) with the service's environment.

MemMachine rests meanwhile: a word that opens its stores saves the index of vectors when it closes them, and a server
that had stored more by then would find it an older one.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from memdeploy import private
from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.errors import StepFailed
from memdeploy.memmachine import exits
from memdeploy.providers.local import files
from memdeploy.providers.local.embedded import layout, variables
from memdeploy.providers.local.embedded.service import Service
from memdeploy.providers.local.scope import Scope
from memdeploy.secret import heard

SECONDS = 3600.0
SHOWN = 12


class Word:
    """Inputs as the service's. Outputs: the one JSON object that the word prints."""

    kind = "embedded.word"

    def __init__(self, scope: Scope, word: str, arguments: Sequence[str] = ()) -> None:
        self.scope = scope
        self.word = word
        self.arguments = tuple(arguments)

    def probe(self, run: Run) -> Observed:
        return Observed(State.ABSENT)

    def ensure(self, run: Run) -> Outputs:
        service = Service(self.scope)
        ran = service.runs()
        if ran:
            run.progress("MemMachine rests meanwhile")
            service.rest(run)
        try:
            return say(self.scope, run.inputs, self.word, self.arguments, where=run.step)
        finally:
            if ran:
                service.ensure(run)

    def remove(self, run: Run) -> None:
        """It leaves nothing behind."""


def say(
    scope: Scope, inputs: Mapping[str, Any], word: str, arguments: Sequence[str] = (), *, where: str
) -> Mapping[str, Any]:
    """Raises `StepFailed` for the word's exit code. What it said goes to its log."""
    own = layout.run(scope) / "words"
    for folder in (own.parent, own, layout.logs(scope)):
        files.own_folder(folder)
    environment = {
        **variables.around(scope),
        **variables.revealed(scope, variables.of_service(scope, inputs)),
        "RUN_FOLDER": str(own),
        "SERVICE_STOPPED": "yes",
    }
    program = str(scope.context.docker_files / f"{word}.py")
    done = subprocess.run(
        [inputs["python"], program, *arguments], env=environment, cwd=own, capture_output=True, text=True,
        timeout=SECONDS, stdin=subprocess.DEVNULL, umask=0o077,
    )  # fmt: skip
    with os.fdopen(private.open_file(layout.log(scope, "prepare"), os.O_WRONLY | os.O_APPEND), "a") as log:
        log.write(heard(done.stderr))
    if done.returncode != 0:
        error = exits.failure(done.returncode, where=where, what=word, folder=scope.context.docker_files)
        error.details = tuple(line for line in heard(done.stderr).splitlines() if line.strip())[-SHOWN:]
        raise error
    return _answer(done.stdout, word, where)


def _answer(text: str, word: str, where: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(text.splitlines()[-1])
    except (ValueError, IndexError):
        raise StepFailed(f"{word} gave no answer", code=f"{word}-failed", where=where) from None
    return found
