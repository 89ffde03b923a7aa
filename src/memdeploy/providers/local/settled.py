"""What nobody said of a local deployment, decided once, when it is born; afterwards its journal says it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs

from memdeploy.config.local import LocalOptions, Runtime
from memdeploy.config.model import Deployment, ModelOptions, ModelProvider
from memdeploy.memmachine.image import open_engine
from memdeploy.providers.local import ports

LOWEST_PORT = 8080
OFFLINE = "offline"
"Name of the offline model's embeddings: another model's vectors must never be stored beside them."


def settle(
    deployment: Deployment, before: Deployment | None, *, has_key: Callable[[Deployment], bool], stands: bool = False,
    engine_answers: Callable[[], bool] = lambda: open_engine() is not None,
) -> Deployment:  # fmt: skip
    """`before` is the deployment as journalled, None when it is not born yet; `stands`: its service was made. `has_key`
    tells whether the model's key is given; an engine is asked for only when nobody named a runtime."""
    known = before.local if before else LocalOptions()
    wanted = deployment.local
    local = wanted.model_copy(
        update={
            "runtime": wanted.runtime or known.runtime or _runtime(engine_answers),
            "port": wanted.port or _port(known.port, stands=stands),
            "folder": wanted.folder or known.folder or str(default_folder()),
            "python": wanted.python or known.python,
        }
    )
    return deployment.model_copy(update={"local": local, "model": _model(deployment, before, has_key)})


def default_folder() -> Path:
    return platformdirs.user_data_path("memdeploy", appauthor=False)


def _port(known: int | None, *, stands: bool) -> int:
    """The one that was chosen before; another while nobody knows it yet and somebody else has taken it meanwhile."""
    if known is not None and (stands or ports.is_free(known)):
        return known
    return ports.free(after=LOWEST_PORT - 1)


def _runtime(engine_answers: Callable[[], bool]) -> Runtime:
    return Runtime.DOCKER if engine_answers() else Runtime.EMBEDDED


def _model(deployment: Deployment, before: Deployment | None, has_key: Callable[[Deployment], bool]) -> ModelOptions:
    """The offline model answers when it was asked for, or when nothing was said of a model and there is no key."""
    model = deployment.model
    if model.provider is not ModelProvider.OFFLINE and not _unsaid(model):
        return model
    asked = model.provider is ModelProvider.OFFLINE
    kept = before is not None and before.model.provider is not ModelProvider.OFFLINE
    if asked or (not kept and not has_key(deployment)):
        return ModelOptions(provider=ModelProvider.OFFLINE, chat=OFFLINE, embedding=OFFLINE)
    return model


def _unsaid(model: ModelOptions) -> bool:
    return model == ModelOptions()
