"""MemMachine's image on this machine's engine: built for its own architecture when no tag of these inputs is there.

`memdeploy/memmachine:<release>-<hash>` stands for the content, whoever deployed it first; each deployment has a name of
its own for it, `memdeploy/<deployment>-<suffix>:…`. When the last of those goes, the image goes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from memdeploy.config.model import ImageSource
from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Run, State
from memdeploy.errors import StepFailed
from memdeploy.memmachine import image as recipe
from memdeploy.memmachine import releases
from memdeploy.memmachine.releases import Release
from memdeploy.providers.local.containers.server_image import digest, here
from memdeploy.providers.local.scope import Scope

if TYPE_CHECKING:
    from docker import DockerClient

SHARED = "memdeploy/memmachine"
LABEL = "memdeploy-image"
"Label of images that memdeploy built: the hash of what they are made from."


@dataclass(frozen=True)
class Base:
    """What the image starts from. `source`: `upstream` or `pypi`; `reference` by digest, or by name where the engine
    knows no digest (it was built here). `wanted` is what it was resolved for."""

    wanted: str
    source: str
    reference: str


class Image:
    """Outputs: `reference` (the image's id), `tag`, `source` (`upstream` or `pypi`), `built` (`engine` or `reused`).
    Notes: `base`, resolved once per release and source: a base that moved on is no drift."""

    kind = "local.image"

    def __init__(self, scope: Scope, name: str) -> None:
        self.scope = scope
        self.name = name

    @property
    def _client(self) -> DockerClient:
        return self.scope.engine.client

    # -- what the runner calls ---------------------------------------------------------------------------------------

    def probe(self, run: Run) -> Observed:
        base = self._noted(run)
        if base is None:
            return self._other(run)
        tag = self._tag(self._inputs(base))
        found = run.read(lambda: here(self._client, f"{self._own}:{tag}"))
        if found is None:
            return self._other(run)
        return Observed(State.PRESENT, outputs=self._outputs(run, base, found, tag, self._how(run)))

    def _other(self, run: Run) -> Observed:
        """It will be another one than the journal's, or the first."""
        if run.outputs is None:
            return Observed(State.ABSENT)
        difference = Difference("image", run.outputs.get("tag"), self._wanted, Effect.IN_PLACE)
        return Observed(State.DIFFERENT, (difference,), outputs=run.outputs, changing=("reference", "tag"))

    def ensure(self, run: Run) -> Outputs:
        base = self._noted(run) or self._resolve(run)
        inputs = self._inputs(base)
        tag, how = self._tag(inputs), self._how(run)
        own, shared = f"{self._own}:{tag}", f"{SHARED}:{tag}"
        found = run.read(lambda: here(self._client, own))
        if found is None:
            if run.read(lambda: here(self._client, shared)) is None:
                self._build(run, inputs, shared)
                how = "engine"
            run.change("tag", own, lambda intent: self._client.api.tag(shared, self._own, tag))
            found = run.until(lambda: here(self._client, own), what=f"image {own}")
        run.apply({"tag": tag})
        return self._outputs(run, base, found, tag, how)

    def remove(self, run: Run) -> None:
        for tag in run.read(self._tags):
            run.change("delete", tag, lambda intent, tag=tag: self._forget(tag))  # type: ignore[misc]

    def summary(self, outputs: Outputs) -> str:
        return f"{str(outputs['reference'])[:19]}… (from {outputs['source']}, {outputs['built']})"

    # -- what it is made from ----------------------------------------------------------------------------------------

    @property
    def _own(self) -> str:
        return f"memdeploy/{self.name}"

    @property
    def _release(self) -> Release:
        return releases.find(self.scope.deployment.release)

    @property
    def _wanted(self) -> str:
        return f"{self.scope.deployment.release} {self.scope.deployment.image.source}"

    def _noted(self, run: Run) -> Base | None:
        noted: Mapping[str, Any] = run.notes.get("base") or {}
        return Base(**noted) if noted.get("wanted") == self._wanted else None

    def _resolve(self, run: Run) -> Base:
        base = self._upstream(run) or self._python(run)
        run.note(base=asdict(base))
        return base

    def _upstream(self, run: Run) -> Base | None:
        """Upstream's tag when it is here or its registry has it; None means: from PyPI."""
        source, name = self.scope.deployment.image.source, self._release.upstream_image
        if source is ImageSource.PYPI:
            return None
        if run.read(lambda: here(self._client, name)) is not None or run.read(lambda: self._offered(name)):
            return Base(self._wanted, "upstream", self._present(run, name))
        if source is ImageSource.UPSTREAM:
            raise StepFailed(
                f"upstream has no image {name}",
                code="no-upstream-image",
                where=run.step,
                suggestion="Use image.source: auto (or pypi), which builds the same layout from PyPI.",
            )
        run.progress(f"upstream tag {self._release.upstream_tag} not found: from PyPI")
        return None

    def _offered(self, name: str) -> bool:
        """By its registry; one that is not reached offers nothing."""
        from docker.errors import APIError

        try:
            self._client.images.get_registry_data(name)
        except APIError:
            return False
        return True

    def _python(self, run: Run) -> Base:
        return Base(self._wanted, "pypi", self._present(run, self._release.python_base))

    def _present(self, run: Run, name: str) -> str:
        """The image by digest, pulled when it is not here."""
        found = run.read(lambda: here(self._client, name))
        if found is None:
            run.progress(f"pulling {name}")
            run.change("pull", name, lambda intent: recipe.pull(self._client, name, platform=self._platform))
            found = run.until(lambda: here(self._client, name), what=f"image {name}")
        return digest(found) or name

    def _inputs(self, base: Base) -> recipe.BuildInputs:
        folder = self.scope.context.docker_files
        return recipe.build_inputs(self._release, source=base.source, base=base.reference, folder=folder)

    def _tag(self, inputs: recipe.BuildInputs) -> str:
        return f"{self._release.version}-{inputs.hash}"

    @property
    def _platform(self) -> str:
        return f"linux/{self._client.api.version()['Arch']}"

    def _build(self, run: Run, inputs: recipe.BuildInputs, tag: str) -> None:
        """Repeatable: what an interrupted build made is in the engine's cache."""
        self._present(run, inputs.base)
        labels = {LABEL: inputs.hash}
        run.change(
            "build",
            tag,
            lambda intent: recipe.build(
                self._client, inputs, tag, run.progress, platform=self._platform, labels=labels
            ),
        )

    # -- names -------------------------------------------------------------------------------------------------------

    def _tags(self) -> list[str]:
        """All names of this deployment's own: earlier releases too."""
        images = self._client.api.images(name=self._own)
        found = [_short(tag) for image in images for tag in image.get("RepoTags") or ()]
        return sorted(tag for tag in found if tag.startswith(f"{self._own}:"))

    def _forget(self, tag: str) -> None:
        """Its name, and the image when no other deployment has one for it and no container runs it."""
        from docker.errors import APIError, ImageNotFound

        image = here(self._client, tag)
        if image is None:
            return
        with contextlib.suppress(ImageNotFound):
            self._client.api.remove_image(tag)
        left = here(self._client, image["Id"])
        names = [_short(name) for name in (left or {}).get("RepoTags") or ()]
        if left is None or LABEL not in (left["Config"].get("Labels") or {}):
            return
        if any(not name.startswith(f"{SHARED}:") for name in names):
            return
        for name in names:
            with contextlib.suppress(APIError):  # a container still has it
                self._client.api.remove_image(name)

    def _how(self, run: Run) -> str:
        return str((run.outputs or {}).get("built", "reused"))

    def _outputs(self, run: Run, base: Base, found: Mapping[str, Any], tag: str, how: str) -> Outputs:
        return {"reference": found["Id"], "tag": f"{self._own}:{tag}", "source": base.source, "built": how}


def _short(name: str) -> str:
    """podman says which registry a name without one means."""
    return name.removeprefix("docker.io/")
