"""Providers of models: what MemMachine's configuration says of each, and how their secrets reach it.

Fields as memmachine-server 0.2.6 to 0.4.0 read them (common/configuration/embedder_conf.py, language_model_conf.py and
mixin_confs.py, which resolves `${NAME}` in `api_key` and the three of AWS). Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from configure import Settings

OPENAI, BEDROCK = "openai", "amazon-bedrock"
RESPONSES, CHAT_COMPLETIONS = "responses", "chat-completions"
OPENAI_URL = "https://api.openai.com/v1"
KEY = "MEMDEPLOY_MODEL_API_KEY"
#: MemMachine's field -> (our variable, the field of the value that the AWS tools give:
#: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html).
AWS: Mapping[str, tuple[str, str]] = {
    "aws_access_key_id": ("MEMDEPLOY_AWS_ACCESS_KEY_ID", "AccessKeyId"),
    "aws_secret_access_key": ("MEMDEPLOY_AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
    "aws_session_token": ("MEMDEPLOY_AWS_SESSION_TOKEN", "SessionToken"),
}


def problems(environment: Mapping[str, str]) -> list[str]:
    """What is wrong with the model's variables; no value of a secret."""
    provider, api = environment.get("MODEL_PROVIDER"), environment.get("MODEL_API") or RESPONSES
    found = []
    if provider and provider not in (OPENAI, BEDROCK):
        found.append(f"MODEL_PROVIDER is neither {OPENAI} nor {BEDROCK}")
    if api not in (RESPONSES, CHAT_COMPLETIONS):
        found.append(f"MODEL_API is neither {RESPONSES} nor {CHAT_COMPLETIONS}")
    if provider == BEDROCK and not environment.get("MODEL_REGION"):
        found.append("MODEL_REGION is missing")
    if provider == BEDROCK and environment.get("MODEL_API_KEY") and not _complete(environment["MODEL_API_KEY"]):
        found.append("MODEL_API_KEY holds no AWS credentials (JSON with AccessKeyId and SecretAccessKey)")
    return found


def embedder(settings: Settings) -> dict[str, Any]:
    if settings.model_provider == BEDROCK:
        # It takes no size: MemMachine asks the model for one vector and counts.
        return {"provider": BEDROCK, "config": _bedrock(settings, settings.model_embedding)}
    size = {"dimensions": settings.model_dimensions}
    return {"provider": OPENAI, "config": {"model": settings.model_embedding, **size, **_endpoint(settings)}}


def language_model(settings: Settings) -> dict[str, Any]:
    if settings.model_provider == BEDROCK:
        return {"provider": BEDROCK, "config": _bedrock(settings, settings.model_chat)}
    api = "openai-chat-completions" if settings.model_api == CHAT_COMPLETIONS else "openai-responses"
    return {"provider": api, "config": {"model": settings.model_chat, **_endpoint(settings)}}


def environment(settings: Settings) -> dict[str, str]:
    """Variable -> secret, for what the configuration refers to."""
    if settings.model_provider != BEDROCK:
        return {KEY: settings.model_api_key}
    given = credentials(settings)
    return {variable: given[field] for field, (variable, _) in AWS.items() if field in given}


def credentials(settings: Settings) -> dict[str, str]:
    """AWS's, by MemMachine's fields, which are also boto3's; without those that were not given."""
    given = json.loads(settings.model_api_key)
    return {field: given[theirs] for field, (_, theirs) in AWS.items() if given.get(theirs)}


def _endpoint(settings: Settings) -> dict[str, str]:
    return {"api_key": f"${{{KEY}}}", "base_url": settings.model_url}


def _bedrock(settings: Settings, model: str) -> dict[str, str]:
    secrets = {field: f"${{{variable}}}" for field, (variable, _) in AWS.items() if field in credentials(settings)}
    return {"region": settings.model_region, "model_id": model, **secrets}


def _complete(text: str) -> bool:
    try:
        given = json.loads(text)
    except ValueError:
        return False
    fields = [given.get(theirs) for _, theirs in AWS.values()] if isinstance(given, dict) else [None]
    return all(isinstance(field, str) and field for field in fields[:2]) and isinstance(fields[-1], str | None)
