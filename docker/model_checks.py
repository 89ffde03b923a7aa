"""Proves the models of each provider in the way MemMachine will ask them: one embedding and one short answer, which
show key, both models' names, the vectors' size, and that the server has the API that was chosen."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import models
from checks import causes, resolves
from configure import Settings
from failures import Failure

TEXT = "memdeploy"
QUESTION = "Say ok."
SECONDS = 30


async def prove(settings: Settings) -> None:
    if settings.model_provider == models.BEDROCK:
        await _bedrock(settings)
    else:
        await _openai(settings)


def _check_size(settings: Settings, vector: list[float]) -> None:
    if len(vector) != settings.model_dimensions:
        raise Failure("model-dimensions", f"configured {settings.model_dimensions}, returned {len(vector)}")


# -- OpenAI, and what speaks its protocol ---------------------------------------------


async def _openai(settings: Settings) -> None:
    await _reachable(settings.model_url)
    found = await asyncio.to_thread(_embedding, settings)
    _check_size(settings, found["data"][0]["embedding"])
    await asyncio.to_thread(ask, settings, *_answer(settings))


async def _reachable(url: str) -> None:
    address = urllib.parse.urlsplit(url)
    await resolves(address.hostname or "", address.port or (443 if address.scheme == "https" else 80), "model-name")


def _embedding(settings: Settings) -> Any:
    """Where the size may not be asked for, MemMachine leaves it out as well (common/embedder/openai_embedder.py)."""
    body = {"model": settings.model_embedding, "input": TEXT}
    try:
        return ask(settings, "embeddings", {**body, "dimensions": settings.model_dimensions})
    except Failure as failure:
        if failure.culprit != "model-refused" or "dimension" not in failure.detail.lower():
            raise
        return ask(settings, "embeddings", body)


def _answer(settings: Settings) -> tuple[str, dict[str, Any]]:
    """Path and body, with the fields that MemMachine itself sends."""
    if settings.model_api == models.CHAT_COMPLETIONS:
        messages = [{"role": "user", "content": QUESTION}]
        return "chat/completions", {"model": settings.model_chat, "messages": messages, **settings.release.chat_fields}
    return "responses", {"model": settings.model_chat, "input": QUESTION, "max_output_tokens": 16}


def ask(settings: Settings, path: str, body: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {settings.model_api_key}", "Content-Type": "application/json"}
    url = f"{settings.model_url}/{path}"
    try:
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.loads(answer.read())
    except Exception as error:
        raise openai_failure(error, settings.model_api_key) from None


def openai_failure(error: Exception, key: str) -> Failure:
    """By status (platform.openai.com/docs/guides/error-codes). Providers quote parts of a key: they are taken out."""
    if isinstance(error, urllib.error.HTTPError):
        words = said(error, key)
        culprit = {401: "model-key", 403: "model-key", 404: "model-unknown"}.get(error.code, "model-refused")
        if error.code == 429:
            return Failure("model-quota", words, passing="insufficient_quota" not in words)
        if error.code >= 500:
            return Failure("model-unreachable", words, passing=True)
        if "model_not_found" in words:
            culprit = "model-unknown"
        return Failure(culprit, words)
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLError):
        return Failure("model-tls", str(reason))
    if isinstance(reason, OSError):
        return Failure("model-unreachable", f"{type(reason).__name__}: {reason}", passing=True)
    # A key that cannot stand in a header fails before anything is sent, and the error quotes it.
    if isinstance(error, ValueError | UnicodeError):
        return Failure("model-key", "it holds characters that no key has")
    return Failure("model-refused", type(error).__name__)


def said(error: urllib.error.HTTPError, key: str) -> str:
    """Status, code and message of the provider's answer; words that look like a key are left out."""
    try:
        body = json.loads(error.read() or b"{}").get("error") or {}
    except (ValueError, AttributeError):
        body = {}
    body = body if isinstance(body, dict) else {"message": str(body)}
    text = str(body.get("message") or "").replace(key, "***") if key else ""
    words = [word for word in text.split() if not word.startswith("sk-") and "***" not in word]
    return " ".join(filter(None, [str(error.code), str(body.get("code") or ""), " ".join(words)[:300]]))


# -- Amazon Bedrock ---------------------------------------------

# https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html and the errors of InvokeModel and Converse.
_BY_CODE = {
    "UnrecognizedClientException": "model-key",
    "InvalidSignatureException": "model-key",
    "InvalidClientTokenId": "model-key",
    "IncompleteSignature": "model-key",
    "ExpiredTokenException": "model-key",
    "MissingAuthenticationTokenException": "model-key",
    "AccessDeniedException": "model-unknown",  # of a model that the account has no access to, too
    "ResourceNotFoundException": "model-unknown",
    "ServiceQuotaExceededException": "model-quota",
    "ThrottlingException": "model-quota",
}
_PASSING = frozenset({"ThrottlingException", "ModelNotReadyException"})


async def _bedrock(settings: Settings) -> None:
    """With the clients that MemMachine makes (common/resource_manager/*_manager.py)."""
    client = _bedrock_client(settings)
    await _reachable(client.meta.endpoint_url)
    vectors = await asyncio.to_thread(_asked, settings, lambda: _bedrock_embeddings(settings).embed_documents([TEXT]))
    _check_size(settings, vectors[0])
    messages = [{"role": "user", "content": [{"text": QUESTION}]}]
    await asyncio.to_thread(_asked, settings, lambda: client.converse(modelId=settings.model_chat, messages=messages))


def _bedrock_client(settings: Settings) -> Any:
    import boto3

    return boto3.client(
        "bedrock-runtime", region_name=settings.model_region, config=_once(), **models.credentials(settings)
    )


def _bedrock_embeddings(settings: Settings) -> Any:
    from langchain_aws import BedrockEmbeddings

    # It logs each failure with its stack, which a failed check tells in one line.
    logging.getLogger("langchain_aws").setLevel(logging.CRITICAL)
    return BedrockEmbeddings(
        region_name=settings.model_region, model_id=settings.model_embedding, config=_once(),
        **models.credentials(settings),
    )  # fmt: skip


def _once() -> Any:
    """Repeating is `checks.until`'s business."""
    from botocore.config import Config

    return Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=10, read_timeout=SECONDS)


def _asked(settings: Settings, call: Any) -> Any:
    try:
        return call()
    except Exception as error:
        raise bedrock_failure(error, models.credentials(settings)) from None


def bedrock_failure(error: Exception, credentials: dict[str, str]) -> Failure:
    """botocore's errors: those of the service by their code, all others by their name and cause."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        code = str(answer.get("Error", {}).get("Code", ""))
        words = _without(f"{code} {answer.get('Error', {}).get('Message', '')}", credentials)
        status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _PASSING:
            return Failure(_BY_CODE.get(code, "model-unreachable"), words, passing=True)
        if status >= 500:
            return Failure("model-unreachable", words, passing=True)
        if code == "ValidationException" and "model identifier" in words:
            return Failure("model-unknown", words)
        return Failure(_BY_CODE.get(code, "model-refused"), words)
    name = type(error).__name__
    if name == "SSLError" or any(isinstance(cause, ssl.SSLError) for cause in causes(error)):
        return Failure("model-tls", name)
    if name in ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"):
        return Failure("model-unreachable", name, passing=True)
    return Failure("model-refused", name)  # its words may hold anything


def _without(text: str, credentials: dict[str, str]) -> str:
    for value in credentials.values():
        text = text.replace(value, "***")
    return text
