"""Runs a build in Cloud Build: found again by its tag after a lost answer, followed by its status."""

from __future__ import annotations

import re
from typing import Any

from memdeploy.engine.step import Operation, Run
from memdeploy.errors import CloudError, StepFailed
from memdeploy.providers.gcp.scope import Scope

Build = dict[str, Any]
SECONDS = 2400.0
_FAILED = frozenset({"FAILURE", "INTERNAL_ERROR", "TIMEOUT", "CANCELLED", "EXPIRED"})


# New projects may build in some regions only, and in `global` always:
# https://cloud.google.com/build/docs/locations#restricted_regions_for_some_projects
_RESTRICTED = re.compile(r"cannot run builds in this region", re.I)
_ANYWHERE = "global"


class CloudBuild:
    """Builds in the deployment's region, or in `global` where the project may not build there."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def build(self, run: Run, body: Build, tag: str) -> str:
        """The digest of the one image of `body`, whose build carries `tag`."""
        made = self._start(run, body, tag) or run.until(lambda: self._newest(tag), what=f"build {tag} to be listed")
        ended = run.read(lambda: self._get(made))
        if ended["status"] != "SUCCESS":
            raise _failure(run, ended)
        return str(ended["results"]["images"][0]["digest"])

    def _start(self, run: Run, body: Build, tag: str) -> Build | None:
        """None when an earlier run's build was waited for."""
        try:
            return self._change(run, body, tag, self.scope.region)
        except CloudError as error:
            if not _RESTRICTED.search(error.message):
                raise
        run.progress(f"this project may not build in {self.scope.region}: builds anywhere")
        return self._change(run, body, tag, _ANYWHERE)

    def _change(self, run: Run, body: Build, tag: str, location: str) -> Build | None:
        return run.change(
            "build",
            tag,
            lambda intent: self._create(body, location),
            operation=self._operation,
            trace=lambda intent: self._usable(tag),
            timeout=SECONDS,
        )

    def _create(self, body: Build, location: str) -> Build:
        answer = self.scope.clients.cloudbuild(
            "projects.locations.builds.create", parent=self._parent(location), body=body
        )
        build: Build = answer["metadata"]["build"]
        return build

    def _operation(self, build: Build) -> Operation:
        """The build itself is polled, not the operation around it: only the build says why it failed."""
        return Operation("cloudbuild", self._name(build))

    def _usable(self, tag: str) -> Build | None:
        found = self._newest(tag)
        return found if found is not None and found["status"] not in _FAILED else None

    def _newest(self, tag: str) -> Build | None:
        builds = [build for location in (self.scope.region, _ANYWHERE) for build in self._list(tag, location)]
        return max(builds, key=lambda build: build.get("createTime", ""), default=None)

    def _list(self, tag: str, location: str) -> list[Build]:
        return self.scope.clients.cloudbuild.pages(
            "projects.locations.builds.list", "builds", parent=self._parent(location), filter=f'tags="{tag}"'
        )

    def _get(self, build: Build) -> Build:
        return self.scope.clients.cloudbuild("projects.locations.builds.get", name=self._name(build))

    def _name(self, build: Build) -> str:
        """With the project's id: the answer's has the number. Its location is where it runs."""
        return f"{self._parent(str(build['name']).split('/locations/')[1].split('/')[0])}/builds/{build['id']}"

    def _parent(self, location: str) -> str:
        return f"{self.scope.names.project_path}/locations/{location}"


def _failure(run: Run, build: Build) -> StepFailed:
    detail = (build.get("failureInfo") or {}).get("detail") or build.get("statusDetail") or "no reason given"
    return StepFailed(
        f"Cloud Build ended with {build['status']}: {detail}",
        code="build-failed",
        where=run.step,
        suggestion=f"Its log: {build.get('logUrl', 'in Cloud Logging')}",
    )
