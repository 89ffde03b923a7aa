"""The steps of an embedded deployment; docs/architecture.md has them as a table. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from memdeploy.config.model import ModelProvider
from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Outage, Ref, Step
from memdeploy.providers.local import kinds
from memdeploy.providers.local.scope import Scope

KEY = "key"
"Name of the secret with the model's key."


def deployment(scope: Scope) -> Graph:
    return Graph(list(_steps(scope)))


def service_inputs(scope: Scope) -> Mapping[str, Ref]:
    """Of all that runs MemMachine's own code with its own configuration."""
    inputs = {
        "python": Ref("environment", "python"),
        "nltk": Ref("environment", "nltk"),
        "key": Ref("secret.model", "secret"),
    }
    return inputs | ({"model_url": Ref("model", "url")} if _offline(scope) else {})


def _steps(scope: Scope) -> Iterator[Step]:
    def step(name: str, kind: str, title: str, identity: Mapping[str, Any] | None = None, **rest: Any) -> Step:
        named = dict(identity or {})
        return Step(name=name, resource=kinds.make(scope, kind, named), identity=named, title=title, **rest)

    yield step("preflight", "embedded.preflight", "Preflight", seconds=0.5, transient=True)
    yield step(
        "folder", "local.folder", "Folder", {"path": str(scope.folder)}, needs=("preflight",), seconds=0.1
    )  # fmt: skip
    yield step("python", "embedded.python", "Python", needs=("preflight",), seconds=0.5, permanent=True)
    yield step(
        "environment", "embedded.environment", "MemMachine's packages", inputs={"python": Ref("python", "path")},
        seconds=30.0, permanent=True,
    )  # fmt: skip
    yield step("secret.model", "local.modelKey", "The model's key", {"name": KEY}, needs=("folder",), seconds=0.1)
    yield step(
        "data", "embedded.data", "Memories", needs=("folder",), seconds=0.1, holds_data=True,
        keeps=("folder", "secret.model"),
    )  # fmt: skip
    if _offline(scope):
        yield step(
            "model", "embedded.model", "Offline model", inputs={"python": Ref("python", "path")}, needs=("folder",),
            seconds=0.5,
        )  # fmt: skip
    inputs = service_inputs(scope)
    yield step("prepare", "embedded.prepare", "Check of the model", inputs=inputs, needs=("folder",), seconds=1.0)
    yield step(
        "service", "embedded.service", "MemMachine", inputs=inputs, needs=("prepare", "data"), seconds=6.0,
        outage=Outage("MemMachine", 6.0),
    )  # fmt: skip
    yield step(
        "verify", "local.verify", "A memory stored and found", inputs={"uri": Ref("service", "uri")}, seconds=2.0,
        transient=True,
    )  # fmt: skip


def _offline(scope: Scope) -> bool:
    return scope.deployment.model.provider is ModelProvider.OFFLINE
