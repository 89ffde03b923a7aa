"""Artifact Registry: the shared image repository, and the shared remote repository in front of the public hub.

https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from memdeploy.engine.converge import Converging
from memdeploy.engine.step import Effect, Outputs, Run
from memdeploy.providers.gcp import operations
from memdeploy.providers.gcp.scope import Scope

STANDARD = "STANDARD_REPOSITORY"
REMOTE = "REMOTE_REPOSITORY"


class Repository(Converging[dict[str, Any]]):
    """`name`: the repository's id; `mode`: STANDARD_REPOSITORY (our images) or REMOTE_REPOSITORY (the hub's)."""

    kind = "artifactregistry.repository"
    effects: ClassVar[Mapping[str, Effect]] = {
        "format": Effect.FORBIDDEN,
        "mode": Effect.FORBIDDEN,
        "remote": Effect.FORBIDDEN,
    }

    def __init__(self, scope: Scope, name: str, mode: str) -> None:
        self.scope = scope
        self.name = name
        self.mode = mode
        self.path = scope.names.repository(name)

    def describe(self) -> str:
        return f"image repository {self.name}"

    def read(self, run: Run) -> dict[str, Any] | None:
        return run.find(
            lambda: self.scope.clients.artifactregistry("projects.locations.repositories.get", name=self.path)
        )

    def owned(self, run: Run, live: dict[str, Any]) -> bool:
        return self.scope.shared_marker.on_labels(live.get("labels"))

    def desired(self, run: Run) -> Mapping[str, Any]:
        remote = {"remote": "DOCKER_HUB"} if self.mode == REMOTE else {}
        return {"format": "DOCKER", "mode": self.mode, **remote}

    def view(self, live: dict[str, Any]) -> Mapping[str, Any]:
        docker = live.get("remoteRepositoryConfig", {}).get("dockerRepository", {})
        return {
            "format": live.get("format"),
            "mode": live.get("mode", STANDARD),
            "remote": docker.get("publicRepository"),
        }

    def body(self) -> dict[str, Any]:
        """`mode` and format cannot be changed later; no cleanup policy: kept data needs its image for as long."""
        body: dict[str, Any] = {"format": "DOCKER", "mode": self.mode, "labels": self.scope.shared_marker.labels}
        if self.mode == REMOTE:
            body["remoteRepositoryConfig"] = {
                "description": "Docker Hub, for machines without a way to the Internet",
                "dockerRepository": {"publicRepository": "DOCKER_HUB"},
            }
        return body

    def create(self, run: Run) -> None:
        run.change(
            "create",
            self.path,
            lambda intent: self.scope.clients.artifactregistry(
                "projects.locations.repositories.create",
                parent=self.scope.names.location,
                repositoryId=self.name,
                body=self.body(),
            ),
            operation=lambda answer: operations.of("artifactregistry", answer),
        )

    def delete(self, run: Run, live: dict[str, Any]) -> None:
        run.change(
            "delete",
            self.path,
            lambda intent: self.scope.clients.artifactregistry(
                "projects.locations.repositories.delete", name=self.path
            ),
            operation=lambda answer: operations.of("artifactregistry", answer),
        )

    def outputs(self, run: Run, live: dict[str, Any]) -> Outputs:
        """`registry_uri` is what the repository says of itself: composed, a rehearsal could push to the real one."""
        return {"registry_uri": live["registryUri"], "name": self.path}

    def protection(self, run: Run) -> str | None:
        """Another deployment's images prove that it is in use; a remote repository holds copies only."""
        if self.mode == REMOTE:
            return None
        packages = run.find(
            lambda: self.scope.clients.artifactregistry.pages(
                "projects.locations.repositories.packages.list", "packages", parent=self.path
            )
        )
        names = [str(package["name"]).rsplit("/", 1)[-1] for package in packages or []]
        return f"{self.describe()} holds images of {', '.join(sorted(names))}" if names else None
