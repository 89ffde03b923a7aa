"""Runs a build in Cloud Build: found again by its tag after a lost answer, followed by its status."""

from __future__ import annotations

from typing import Any

from memdeploy.engine.step import Operation, Run
from memdeploy.errors import StepFailed
from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.scope import Scope

Build = dict[str, Any]
SECONDS = 2400.0
_FAILED = frozenset({"FAILURE", "INTERNAL_ERROR", "TIMEOUT", "CANCELLED", "EXPIRED"})


class CloudBuild:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def build(self, run: Run, body: Build, tag: str) -> str:
        """The digest of the one image of `body`, whose build carries `tag`."""
        run.change(
            "build",
            tag,
            lambda intent: self._create(body),
            operation=self._operation,
            trace=lambda intent: self._usable(tag),
            timeout=SECONDS,
        )
        found = run.until(lambda: self._newest(tag), what=f"build {tag} to be listed")
        ended = run.read(lambda: self._get(found["id"]))
        if ended["status"] != "SUCCESS":
            raise _failure(run, ended)
        return str(ended["results"]["images"][0]["digest"])

    def _create(self, body: Build) -> Build:
        answer = self.scope.clients.cloudbuild(
            "projects.locations.builds.create", parent=self.scope.names.location, body=body
        )
        build: Build = answer["metadata"]["build"]
        return build

    def _operation(self, build: Build) -> Operation:
        """The build itself is polled, not the operation around it: only the build says why it failed."""
        return Operation("cloudbuild", f"{self.scope.names.location}/builds/{build['id']}")

    def _usable(self, tag: str) -> Build | None:
        found = self._newest(tag)
        return found if found is not None and found["status"] not in _FAILED else None

    def _newest(self, tag: str) -> Build | None:
        builds = self.scope.clients.cloudbuild.pages(
            "projects.locations.builds.list", "builds", parent=self.scope.names.location, filter=f'tags="{tag}"'
        )
        return max(builds, key=lambda build: build.get("createTime", ""), default=None)

    def _get(self, id_: str) -> Build:
        return self.scope.clients.cloudbuild(
            "projects.locations.builds.get", name=f"{self.scope.names.location}/builds/{last(id_)}"
        )


def _failure(run: Run, build: Build) -> StepFailed:
    detail = (build.get("failureInfo") or {}).get("detail") or build.get("statusDetail") or "no reason given"
    return StepFailed(
        f"Cloud Build ended with {build['status']}: {detail}",
        code="build-failed",
        where=run.step,
        suggestion=f"Its log: {build.get('logUrl', 'in Cloud Logging')}",
    )
