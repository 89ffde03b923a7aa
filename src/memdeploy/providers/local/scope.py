"""What every resource of this provider is given: names, markers, the deployment, its folder, the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memdeploy.config.model import Deployment
from memdeploy.errors import Refused
from memdeploy.providers.base import Context
from memdeploy.providers.marker import Marker

if TYPE_CHECKING:
    from docker import DockerClient

ENGINE_SECONDS = 600
"For answers of the engine: a first pull of an image takes minutes."


class Engine:
    """The container engine of this machine, opened when first used; one for all scopes of a run."""

    @cached_property
    def client(self) -> DockerClient:
        """Raises `Refused` when none answers."""
        from memdeploy.memmachine.image import open_engine

        found = open_engine()
        if found is None:
            raise Refused(
                "no container engine answers",
                code="no-engine",
                where="local.runtime",
                suggestion="Start Docker (DOCKER_HOST names another engine's socket), or use --runtime embedded,"
                " which needs none.",
            )
        return found

    @cached_property
    def info(self) -> Mapping[str, Any]:
        """What the engine says of itself and its machine (GET /info)."""
        told: Mapping[str, Any] = self.client.info()
        return told


@dataclass(frozen=True)
class Scope:
    """A resource class takes `(scope, **identity)`, identity being what `Step.identity` holds: so `rebuild` works."""

    context: Context
    marker: Marker
    engine: Engine = field(default_factory=Engine)

    @property
    def deployment(self) -> Deployment:
        return self.context.deployment

    @property
    def base(self) -> str:
        """Begins the names of all that is the deployment's own."""
        return f"{self.context.deployment.name}-{self.context.suffix}"

    def own(self, role: str) -> str:
        return f"{self.base}-{role}"

    @property
    def folder(self) -> Path:
        """Holds secrets and, embedded, data and logs: 0700."""
        root = self.deployment.local.folder
        if root is None:  # pragma: no cover - settled before a provider is opened
            raise AssertionError
        return Path(root) / self.base

    @property
    def port(self) -> int:
        return self.deployment.local.port or 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, deployment: Deployment) -> Scope:
        """The same place for another configuration of it."""
        return replace(self, context=replace(self.context, deployment=deployment))

    @classmethod
    def open(cls, context: Context) -> Scope:
        return cls(context, Marker(context.id, context.deployment.name))
