"""A public image of a database server: the one that is here, else pulled; from then on that very one, by its id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.memmachine import image as recipe
from memdeploy.providers.local.scope import Scope

if TYPE_CHECKING:
    from docker import DockerClient

JSON = Mapping[str, Any]


class ServerImage:
    """Outputs: `reference` (the image's id), `digest` (in its registry, None for one that was never in any). It stays
    when the deployment goes: it is nobody's own."""

    kind = "local.serverImage"

    def __init__(self, scope: Scope, image: str) -> None:
        self.scope = scope
        self.image = image

    def probe(self, run: Run) -> Observed:
        known = run.outputs
        if known is None or run.read(lambda: here(self.scope.engine.client, known["reference"])) is None:
            return Observed(State.ABSENT)
        return Observed(State.PRESENT, outputs=known)

    def ensure(self, run: Run) -> Outputs:
        client, known = self.scope.engine.client, run.outputs or {}
        for name in filter(None, (known.get("reference"), known.get("digest"), self.image)):
            found = run.read(lambda name=name: here(client, name))  # type: ignore[misc]
            if found is not None:
                return _outputs(found)
        wanted = known.get("digest") or self.image
        run.progress(f"pulling {wanted[:60]}")
        run.change("pull", wanted, lambda intent: recipe.pull(client, wanted))
        return _outputs(run.until(lambda: here(client, wanted), what=f"image {wanted}"))

    def remove(self, run: Run) -> None:
        """It stays."""

    def summary(self, outputs: Outputs) -> str:
        return f"{self.image} {str(outputs['reference'])[:19]}…"


def here(client: DockerClient, name: str) -> JSON | None:
    """What the engine says of an image; None when it has none of that name or id."""
    from docker.errors import ImageNotFound

    try:
        found: JSON = client.images.get(name).attrs
    except ImageNotFound:
        return None
    return found


def digest(image: JSON) -> str | None:
    """`repository@sha256:…`."""
    return next(iter(image.get("RepoDigests") or ()), None)


def _outputs(image: JSON) -> Outputs:
    return {"reference": image["Id"], "digest": digest(image)}
