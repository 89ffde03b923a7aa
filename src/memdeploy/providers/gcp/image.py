"""MemMachine's image in the shared repository: built when no tag for these very inputs is there, used by digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memdeploy.config.model import ImageSource
from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Run, State, unknowns
from memdeploy.errors import StepFailed
from memdeploy.memmachine import image as recipe
from memdeploy.memmachine import releases
from memdeploy.memmachine.releases import Release
from memdeploy.providers.gcp import build_request, image_registry, operations
from memdeploy.providers.gcp.build_cloud import CloudBuild
from memdeploy.providers.gcp.scope import Scope


@dataclass(frozen=True)
class Base:
    """What the image starts from. `source`: `upstream` or `pypi`; `reference` by digest."""

    source: str
    reference: str


class Image:
    """Inputs: `registry_uri`, `hub_uri`, `account` (email of the build account).
    Outputs: `reference` (by digest), `source` (`upstream` or `pypi`), `built` (`engine`, `cloud-build` or `reused`).

    The tag `memdeploy-<id>-<hash of all inputs>` stands for one build. Notes: `base`, resolved once per release and
    source: a base that moved on is no drift.
    """

    kind = "memmachine.image"

    def __init__(self, scope: Scope, *, name: str) -> None:
        self.scope = scope
        self.name = name

    # -- what the runner calls ---------------------------------------------------------------------------------------

    def probe(self, run: Run) -> Observed:
        if unknown := unknowns([run.inputs["registry_uri"], run.inputs["hub_uri"]]):
            return Observed(State.ABSENT, unknown=tuple(unknown))
        base = self._noted(run)
        if base is None:
            return Observed(State.ABSENT)
        tag = self._tag(self._inputs(base))
        found = run.read(lambda: image_registry.digest(self.scope.clients, self._repository(run), tag))
        if found is not None:
            return Observed(State.PRESENT, outputs=self._outputs(run, base, found, self._how(run)))
        have = (run.outputs or {}).get("reference") or run.notes.get("recovered")
        want = f"{self._repository(run)}:{tag}"
        if have is None:
            return Observed(State.ABSENT)
        difference = Difference("image", have, want, Effect.IN_PLACE)
        return Observed(State.DIFFERENT, (difference,), outputs=run.outputs, changing=("reference",))

    def ensure(self, run: Run) -> Outputs:
        base = self._noted(run) or self._resolve_base(run)
        inputs = self._inputs(base)
        tag, repository = self._tag(inputs), self._repository(run)
        found = run.read(lambda: image_registry.digest(self.scope.clients, repository, tag))
        how = self._how(run) if found else None
        if found is None:
            found, how = self._build(run, inputs, tag)
        run.apply({"tag": tag})
        return self._outputs(run, base, found, how or "reused")

    def remove(self, run: Run) -> None:
        """The deployment's package: its images, and the proof that the repository is in use."""
        path, registry = self._path, self.scope.clients.artifactregistry
        if not self._package(run):
            return
        run.change(
            "delete",
            path,
            lambda intent: registry("projects.locations.repositories.packages.delete", name=path),
            operation=lambda answer: operations.of("artifactregistry", answer),
        )

    def recovered(self, run: Run) -> Mapping[str, Any]:
        """The base, as it would be chosen now: the tag tells whether it was the same. When not, what was built is there
        all the same."""
        if unknowns([run.inputs["registry_uri"], run.inputs["hub_uri"]]) or not self._package(run):
            return {}
        return {"base": self._note(self._upstream(run) or self._python(run)), "recovered": self._repository(run)}

    def summary(self, outputs: Outputs) -> str:
        digest = str(outputs["reference"]).rpartition("@")[2]
        return f"{digest[:14]}… (from {outputs['source']}, {outputs['built']})"

    # -- what it is made from ----------------------------------------------------------------------------------------

    def _release(self) -> Release:
        return releases.find(self.scope.deployment.release)

    def _wanted(self) -> str:
        return f"{self.scope.deployment.release} {self.scope.deployment.image.source}"

    def _noted(self, run: Run) -> Base | None:
        noted: Mapping[str, Any] = run.notes.get("base") or {}
        if noted.get("for") != self._wanted():
            return None
        return Base(noted["source"], noted["reference"])

    def _resolve_base(self, run: Run) -> Base:
        base = self._upstream(run) or self._python(run)
        run.note(base=self._note(base))
        return base

    def _note(self, base: Base) -> Mapping[str, str]:
        return {"for": self._wanted(), "source": base.source, "reference": base.reference}

    def _upstream(self, run: Run) -> Base | None:
        """Upstream's tag when the hub has it; None means: from PyPI."""
        source, release = self.scope.deployment.image.source, self._release()
        if source is ImageSource.PYPI:
            return None
        repository = f"{run.inputs['hub_uri']}/{release.upstream_repository}"
        found = run.read(lambda: image_registry.digest(self.scope.clients, repository, release.upstream_tag))
        if found is not None:
            return Base("upstream", f"{repository}@{found}")
        if source is ImageSource.UPSTREAM:
            raise StepFailed(
                f"upstream has no image {release.upstream_image}",
                code="no-upstream-image",
                where=run.step,
                suggestion="Use image.source: auto (or pypi), which builds the same layout from PyPI.",
            )
        run.progress(f"upstream tag {release.upstream_tag} not found: from PyPI")
        return None

    def _python(self, run: Run) -> Base:
        """A Python by digest, through the remote repository. Where that has none (a rehearsal without a way to the
        hub), the engine's own image of that name, which then stands in the tag by name alone."""
        release = self._release()
        name, _, tag = release.python_base.partition(":")
        repository = f"{run.inputs['hub_uri']}/library/{name}"
        found = run.read(lambda: image_registry.digest(self.scope.clients, repository, tag))
        return Base("pypi", f"{repository}@{found}" if found else release.python_base)

    def _inputs(self, base: Base) -> recipe.BuildInputs:
        folder = self.scope.context.docker_files
        return recipe.build_inputs(self._release(), source=base.source, base=base.reference, folder=folder)

    # -- building ----------------------------------------------------------------------------------------------------

    def _build(self, run: Run, inputs: recipe.BuildInputs, tag: str) -> tuple[str, str]:
        """The digest, and who built it."""
        engine = recipe.open_engine() if self.scope.context.engine_allowed else None
        if engine is None or recipe.unusable(engine):
            return self._build_in_cloud(run, inputs, tag), "cloud-build"
        try:
            return self._build_here(run, engine, inputs, tag), "engine"
        finally:
            engine.close()

    def _build_in_cloud(self, run: Run, inputs: recipe.BuildInputs, tag: str) -> str:
        body = build_request.build_body(
            image=f"{self._repository(run)}:{tag}",
            arguments=inputs.args,
            files=inputs.files,
            account=self.scope.names.account(run.inputs["account"]),
            tags=(self.scope.marker.tag, tag),
        )
        return CloudBuild(self.scope).build(run, body, tag)

    def _build_here(self, run: Run, engine: Any, inputs: recipe.BuildInputs, tag: str) -> str:
        """Repeatable: layers that are there already are neither built nor pushed again."""
        repository = self._repository(run)
        self._fetch_base(run, engine, inputs.base)
        recipe.build(engine, inputs, f"{repository}:{tag}", run.progress)

        def push(_: object) -> str:
            return recipe.push(engine, repository, tag, run.progress, token=self._token(repository))

        pushed = run.change("push", f"{repository}:{tag}", push)
        if pushed is None:
            pushed = run.read(lambda: image_registry.digest(self.scope.clients, repository, tag))
        return str(pushed)

    def _fetch_base(self, run: Run, engine: Any, base: str) -> None:
        """The classic builder would pull it without our login."""
        from docker.errors import ImageNotFound

        try:
            engine.images.get(base)
        except ImageNotFound:
            run.progress(f"pulling {base.rpartition('/')[2][:60]}")
            recipe.pull(engine, base, token=self._token(base), platform=recipe.PLATFORM)

    def _token(self, image: str) -> Any:
        """A name without a host is the public hub's."""
        return image_registry.login(self.scope.clients, image)

    # -- names -------------------------------------------------------------------------------------------------------

    @property
    def _path(self) -> str:
        return f"{self.scope.names.repository(self.scope.names.shared)}/packages/{self.name}"

    def _package(self, run: Run) -> bool:
        """Whether anything was ever pushed."""
        packages = "projects.locations.repositories.packages.get"
        return run.find(lambda: self.scope.clients.artifactregistry(packages, name=self._path)) is not None

    def _repository(self, run: Run) -> str:
        return f"{run.inputs['registry_uri']}/{self.name}"

    def _tag(self, inputs: recipe.BuildInputs) -> str:
        return f"{self.scope.marker.tag}-{inputs.hash}"

    def _how(self, run: Run) -> str:
        return str((run.outputs or {}).get("built", "reused"))

    def _outputs(self, run: Run, base: Base, digest: str, how: str) -> Outputs:
        return {"reference": f"{self._repository(run)}@{digest}", "source": base.source, "built": how}
