"""The command line as a user runs it: a process, an environment of its own, one JSON document on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

#: Nothing of the tester's own may leak in: no credentials, no configuration, no home.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PYTHONPATH", "DOCKER_HOST")


_DOCS = Path(__file__).resolve().parents[2] / "docs"


def strict(schema: Any) -> Any:
    """A program that reads our output has to bear new fields; ours are all published, so here none is added."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: strict(part) for key, part in schema.items()}
    closed = schema.get("type") == "object" and "properties" in schema
    return {**inner, "unevaluatedProperties": False} if closed else inner


def validator(name: str) -> jsonschema.Draft202012Validator:
    """Of a published schema, strictly."""
    return jsonschema.Draft202012Validator(strict(json.loads((_DOCS / name).read_text())))


#: Every document that any test is given is held against what is published.
VALIDATOR = validator("cli-output.schema.json")


@dataclass(frozen=True)
class Outcome:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.json["data"])


@dataclass
class Memdeploy:
    """`memdeploy up --json …` in `folder`, with journals under `folder`/state. `limits` is called in each process
    before it becomes memdeploy: what it may not do from then on."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 240.0
    limits: Callable[[], None] | None = None

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def environ(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {**kept, "HOME": str(self.folder), "CI": "true", **self.environment, **(extra or {})}

    def start(self, *arguments: str, json_output: bool = True, extra: Mapping[str, str] | None = None) -> Any:
        # `init` writes a file and has no journals.
        state = [] if arguments[0] == "init" else ["--state", str(self.state)]
        line = [sys.executable, "-m", "memdeploy", *arguments, *state]
        return subprocess.Popen(
            [*line, "--json"] if json_output else line,
            cwd=self.folder,
            env=self.environ(extra),
            stdin=subprocess.DEVNULL,
            preexec_fn=self.limits,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(
        self,
        *arguments: str,
        expect: int | None = 0,
        json_output: bool = True,
        extra: Mapping[str, str] | None = None,
    ) -> Outcome:
        process = self.start(*arguments, json_output=json_output, extra=extra)
        try:
            stdout, stderr = process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        outcome = Outcome(process.returncode, stdout, stderr)
        if json_output and outcome.code >= 0:  # a killed one says nothing
            assert outcome.stderr == "", f"--json leaves stderr alone: {outcome.stderr[-2000:]}"
            VALIDATOR.validate(outcome.json)
        if expect is not None:
            assert outcome.code == expect, f"exit {outcome.code}, not {expect}\n{stdout[-4000:]}\n{stderr[-4000:]}"
        return outcome

    def names(self) -> list[str]:
        """Of all deployments that have a journal here."""
        return [path.name for path in self.state.iterdir() if path.name[0] not in "._"] if self.state.exists() else []

    def journal(self, name: str = "memmachine") -> dict[str, Any]:
        return _newest(self.state / name)

    def shared_journals(self) -> list[dict[str, Any]]:
        return [_newest(place) for place in (self.state / "_shared").iterdir()]

    def identity(self, name: str = "memmachine") -> dict[str, str]:
        journal = self.journal(name)
        return {"id": journal["id"], "suffix": journal["suffix"], "name": name}


def _newest(place: Path) -> dict[str, Any]:
    """The snapshot that counts: the highest epoch's."""
    newest = max(place.glob("journal.*.json"), key=lambda path: int(path.name.split(".")[1]))
    return dict(json.loads(newest.read_text()))
