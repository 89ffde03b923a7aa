"""The container's variables (`docker/configure.py`) that say which model answers, alike in every place."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from memdeploy.config.model import ModelOptions, ModelProvider

#: As the container knows them; all others speak OpenAI's protocol, the offline model and Ollama too.
_PROVIDERS: Mapping[ModelProvider, str] = MappingProxyType({ModelProvider.BEDROCK: "amazon-bedrock"})


def of_model(options: ModelOptions, key: Any, offline: Any) -> dict[str, Any]:
    """`key`: a reference to the key, in the place's own form. `offline`: where the offline model answers. Either may
    be `Unknown` in a plan."""
    base_url = offline if options.provider is ModelProvider.OFFLINE else options.base_url
    values = {
        "MODEL_PROVIDER": _PROVIDERS.get(options.provider, "openai"),
        "MODEL_CHAT": options.chat,
        "MODEL_EMBEDDING": options.embedding,
        "MODEL_DIMENSIONS": str(options.dimensions),
        "MODEL_API_KEY": key,
        "MODEL_API": str(options.chat_api),
        "MODEL_BASE_URL": base_url,
        "MODEL_REGION": options.region,
    }
    return {name: value for name, value in values.items() if value is not None}


def read(values: Mapping[str, Any], known: ModelProvider, *, offline: bool) -> dict[str, Any]:
    """The other way round: paths of the configuration and their values, nothing when no model is told. Several
    providers speak OpenAI's protocol; which of them, the configuration may have `known`."""
    if "MODEL_EMBEDDING" not in values:
        return {}
    provider = ModelProvider.OFFLINE if offline else _provider(values, known)
    base_url = None if offline else values.get("MODEL_BASE_URL")
    return {
        "model.provider": str(provider),
        "model.chat": values["MODEL_CHAT"],
        "model.embedding": values["MODEL_EMBEDDING"],
        "model.dimensions": int(values["MODEL_DIMENSIONS"]),
        "model.base_url": base_url,
        "model.region": values.get("MODEL_REGION"),
        "model.api": _api(values.get("MODEL_API"), provider, base_url),
    }


def _api(told: str | None, provider: ModelProvider, base_url: str | None) -> str | None:
    """None where it is the one that goes without saying (`ModelOptions.chat_api`); Bedrock's configuration has none."""
    implied = str(ModelOptions(base_url=base_url).chat_api)
    return None if provider is ModelProvider.BEDROCK or told == implied else told


def _provider(values: Mapping[str, Any], known: ModelProvider) -> ModelProvider:
    if values["MODEL_PROVIDER"] == _PROVIDERS[ModelProvider.BEDROCK]:
        return ModelProvider.BEDROCK
    return ModelProvider.OPENAI if known in (ModelProvider.OFFLINE, ModelProvider.BEDROCK) else known
