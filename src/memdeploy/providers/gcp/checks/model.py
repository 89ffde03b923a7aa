"""The model: is there a key, and (only when asked to) does its provider take it. One free call, no tokens spent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from memdeploy.config.model import KEYLESS, ModelOptions, ModelProvider
from memdeploy.errors import CloudError
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp.checks import bedrock
from memdeploy.providers.gcp.checks.facts import Facts, failed, passed, warning
from memdeploy.secret import Secret

OPENAI = "https://api.openai.com/v1"
_TIMEOUT = 20.0
_NEEDS_NONE = {ModelProvider.OFFLINE: "the offline model is a toy", ModelProvider.OLLAMA: "Ollama asks for none"}
_NO_KEY = frozenset({401, 403})


def key(facts: Facts) -> Iterable[Finding]:
    model, context = facts.scope.deployment.model, facts.scope.context
    source = model.source
    if context.model_key is not None:
        yield passed("model-key", "given")
    elif source is None or model.provider in KEYLESS:
        yield passed("model-key", f"none is needed: {_NEEDS_NONE[model.provider]}")
    elif source.secret:
        yield passed("model-key", f"in the secret {source.secret}")
    elif "secret.model" in context.records:
        yield passed("model-key", "the stored one is kept")
    else:
        where = f"environment variable {source.env}" if source.env else f"file {source.file}"
        yield failed(
            "model-key", "model-key-missing", f"there is no key for the model: {where} is empty",
            "Set it, or name another place in model.key.",
        )  # fmt: skip


def spelled(facts: Facts) -> Iterable[Finding]:
    """It is sent as a header, which takes no more than this: quotes or a dash of a text editor's are a usual cause."""
    given = facts.scope.context.model_key
    if given is not None and not (given.reveal().isascii() and given.reveal().isprintable()):
        yield failed(
            "model-key-form", "model-key-malformed", "the model's key holds characters that no key has",
            "Give it anew, and look for quotes or blanks that were copied with it.",
        )  # fmt: skip


def answers(facts: Facts) -> Iterable[Finding]:
    model, given = facts.scope.deployment.model, facts.scope.context.model_key
    if not facts.check_model or model.provider is ModelProvider.OFFLINE:
        return
    if given is None and model.provider not in KEYLESS:
        text = "not asked: its key is not given here, and a stored one is not read"
        yield warning("model", "model-not-asked", text, "Set what model.key names, for this one question.")
    elif given is not None and model.provider is ModelProvider.BEDROCK:
        yield from bedrock.answers(facts, model, given)
    else:
        yield from _openai(facts, model, given)


def _openai(facts: Facts, model: ModelOptions, given: Secret | None) -> Iterable[Finding]:
    """GET /models, which costs nothing (https://platform.openai.com/docs/api-reference/models/list). Ollama has it too:
    https://github.com/ollama/ollama/blob/main/docs/openai.md"""
    url = f"{(model.base_url or OPENAI).rstrip('/')}/models"
    headers = {"Authorization": f"Bearer {given.reveal()}"} if given is not None else {}
    found = facts.ask_stranger(lambda: facts.scope.clients.http().get(url, headers=headers, timeout=_TIMEOUT))
    if isinstance(found, CloudError):
        yield warning("model", "model-unreachable", f"{url} does not answer from here", "Check model.base_url.")
    elif found.status_code in _NO_KEY:
        yield failed("model", "model-key-refused", f"{url} answered {found.status_code}", "Give another key.")
    elif found.status_code == 404:
        yield warning(
            "model", "model-unlisted", f"{url} answered 404: no list of models is there",
            "Check model.base_url; of an OpenAI-compatible endpoint it ends in /v1 as a rule.",
        )  # fmt: skip
    elif found.status_code != 200:
        yield warning("model", "model-unlisted", f"{url} answered {found.status_code}: the models cannot be listed")
    else:
        yield from _listed(found, {model.chat, model.embedding}, "the key is good" if given else "it answers")


def _listed(answer: Any, wanted: set[str], good: str) -> Iterable[Finding]:
    try:
        known = {str(entry["id"]).removesuffix(":latest") for entry in answer.json()["data"]}  # Ollama's usual tag
    except (ValueError, KeyError, TypeError):
        yield warning("model", "model-unlisted", "the list of models cannot be read")
        return
    missing = sorted(name for name in wanted if name.removesuffix(":latest") not in known)
    if missing:
        text = f"{good}, but the provider does not list {', '.join(missing)}"
        yield warning("model", "model-unlisted", text, "Check model.chat and model.embedding.")
    else:
        yield passed("model", f"{good}, both models are there")
