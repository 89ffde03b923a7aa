"""The model: is there a key, and (only when asked to) does its provider take it. One free call, no tokens spent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from memdeploy.config.model import ModelProvider
from memdeploy.errors import CloudError
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp.checks.facts import Facts, failed, passed, warning

OPENAI = "https://api.openai.com/v1"
_TIMEOUT = 20.0
_NO_KEY = frozenset({401, 403})


def key(facts: Facts) -> Iterable[Finding]:
    model, context = facts.scope.deployment.model, facts.scope.context
    if model.provider is ModelProvider.OFFLINE:
        yield passed("model-key", "none is needed: the offline model is a toy")
    elif context.model_key is not None:
        yield passed("model-key", "given")
    elif model.key.secret:
        yield passed("model-key", f"in the secret {model.key.secret}")
    elif "secret.model" in context.records:
        yield passed("model-key", "the stored one is kept")
    else:
        where = f"environment variable {model.key.env}" if model.key.env else f"file {model.key.file}"
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
    """GET /models, which costs nothing (https://platform.openai.com/docs/api-reference/models/list)."""
    model, given = facts.scope.deployment.model, facts.scope.context.model_key
    if not facts.check_model or given is None:
        return
    url = f"{(model.base_url or OPENAI).rstrip('/')}/models"
    headers = {"Authorization": f"Bearer {given.reveal()}"}
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
        yield from _listed(found, {model.chat, model.embedding})


def _listed(answer: Any, wanted: set[str]) -> Iterable[Finding]:
    try:
        known = {str(entry["id"]) for entry in answer.json()["data"]}
    except (ValueError, KeyError, TypeError):
        yield warning("model", "model-unlisted", "the list of models cannot be read")
        return
    missing = sorted(wanted - known)
    if missing:
        text = f"the key is good, but the provider does not list {', '.join(missing)}"
        yield warning("model", "model-unlisted", text, "Check model.chat and model.embedding.")
    else:
        yield passed("model", "the key is good, both models are there")
