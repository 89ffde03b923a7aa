"""Steps of the embedded runtime, run by the real runner without a command; interpreters and a uv of a few lines."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.engine.clock import SystemClock
from memdeploy.engine.graph import Graph
from memdeploy.engine.results import RunResult
from memdeploy.engine.runner import Runner
from memdeploy.engine.step import Resource, Step
from memdeploy.lifecycle.memory import MemoryLedger, NoLease
from memdeploy.memmachine.files import docker_files
from memdeploy.providers.base import Context
from memdeploy.providers.local import errors
from memdeploy.providers.local.scope import Scope

FACTS = {"kind": "cpython", "missing": [], "threads": False, "wide": True}


def scope(folder: Path, **changes: Any) -> Scope:
    """Of an embedded deployment whose folder is in `folder`."""
    local = {"runtime": "embedded", "port": 8080, "folder": str(folder), **changes.pop("local", {})}
    model = {"provider": "offline", "chat": "offline", "embedding": "offline"}
    deployment = Deployment.model_validate({"provider": "local", "local": local, "model": model, **changes})
    return Scope.open(
        Context(
            deployment=deployment, id="abcdefghijkl", suffix="x7k2", clock=SystemClock(pace=0.01),
            docker_files=docker_files(),
        )
    )  # fmt: skip


class Rig:
    """A ledger that stays over several runs, as a journal does."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger({})

    def ensure(self, resource: Resource, **inputs: Any) -> RunResult:
        return self._runner(resource, inputs).ensure()

    def remove(self, resource: Resource, **inputs: Any) -> RunResult:
        return self._runner(resource, inputs).remove(["it"])

    def _runner(self, resource: Resource, inputs: Mapping[str, Any]) -> Runner:
        graph = Graph([Step("it", resource, inputs=inputs)])
        return Runner(
            graph, {"deployment": self.ledger}, {"deployment": NoLease()}, SystemClock(pace=0.01), lambda event: None,
            errors.classify, lambda operation: NotImplemented,
        )  # fmt: skip


def plant(path: Path, version: Sequence[int] = (3, 12, 4), **facts: Any) -> Path:
    """A program that answers as such a Python does."""
    said = {**FACTS, "version": list(version), "path": str(path), **facts}
    return program(path, f"echo '{json.dumps(said)}'")


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
