"""The one free question to the provider of models, and what its answers mean."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from memdeploy.providers.base import Finding
from memdeploy.providers.gcp.checks import model
from memdeploy.providers.gcp.checks.facts import Facts
from memdeploy.secret import Secret
from tests.unit.providers.gcp.bodies import scope

BEDROCK = {
    "provider": "amazon-bedrock", "region": "eu-west-1", "chat": "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    "embedding": "amazon.titan-embed-text-v2:0", "dimensions": 1024,
}  # fmt: skip
OLLAMA = {"provider": "ollama", "base_url": "http://10.0.0.9:11434/v1", "chat": "qwen3", "embedding": "bge-m3"}
CREDENTIALS = json.dumps({"Version": 1, "AccessKeyId": "AKIA1", "SecretAccessKey": "canary", "SessionToken": "token"})
BOTH = ["anthropic.claude-haiku-4-5-20251001-v1:0", "amazon.titan-embed-text-v2:0"]


class Internet:
    """Answers one GET, or is not there."""

    def __init__(self, status: int = 200, body: Any = None, error: str = "", *, there: bool = True) -> None:
        self.status, self.body, self.error, self.there = status, body, error, there
        self.asked: list[tuple[str, dict[str, str]]] = []

    def get(self, url: str, *, headers: dict[str, str], timeout: float) -> Any:
        self.asked.append((url, headers))
        if not self.there:
            raise requests.ConnectionError("no route")
        found = requests.Response()
        found.status_code, found._content = self.status, json.dumps(self.body).encode()
        found.headers["x-amzn-ErrorType"] = self.error
        return found


def asked(internet: Internet, options: dict[str, Any], key: str | None) -> Finding | None:
    found = scope(model=options)
    context = replace(found.context, model_key=None if key is None else Secret(key))
    clients: Any = SimpleNamespace(http=lambda: internet)
    facts = Facts(replace(found, context=context, clients=clients), SimpleNamespace(), check_model=True)  # type: ignore[arg-type]
    return next(iter(model.answers(facts)), None)


def listed(names: list[str]) -> dict[str, Any]:
    return {"modelSummaries": [{"modelId": name} for name in names]}


@pytest.mark.parametrize(
    ("internet", "verdict", "code", "says"),
    [
        (Internet(body=listed(BOTH)), "passed", "ok", "both models"),
        (Internet(body=listed(BOTH[:1])), "warning", "model-unlisted", "amazon.titan-embed-text-v2:0 in eu-west-1"),
        (Internet(403, {}, "UnrecognizedClientException"), "failed", "model-key-refused", "UnrecognizedClient"),
        (Internet(403, {}, "ExpiredTokenException:http://x/"), "failed", "model-key-refused", "ExpiredToken"),
        (Internet(403, {}, "AccessDeniedException"), "warning", "model-unlisted", "may not list models"),
        (Internet(500, {}), "warning", "model-unlisted", "answered 500"),
        (Internet(200, []), "warning", "model-unlisted", "cannot be read"),
        (Internet(there=False), "warning", "model-unreachable", "does not answer"),
    ],
)
def test_bedrock_is_asked_for_its_list(internet: Internet, verdict: str, code: str, says: str) -> None:
    found = asked(internet, BEDROCK, CREDENTIALS)
    assert found is not None
    assert (str(found.verdict), found.code) == (verdict, code)
    assert says in found.text
    assert "canary" not in f"{found}"
    [(url, headers)] = internet.asked
    assert url == "https://bedrock.eu-west-1.amazonaws.com/foundation-models"
    signed = {name.lower(): value for name, value in headers.items()}
    assert re.match(
        r"AWS4-HMAC-SHA256 Credential=AKIA1/\d{8}/eu-west-1/bedrock/aws4_request, ", signed["authorization"]
    )
    assert signed["x-amz-security-token"] == "token"
    assert "canary" not in str(headers)


def test_ollama_is_asked_without_a_key_and_calls_its_models_by_tag() -> None:
    internet = Internet(body={"data": [{"id": "qwen3:latest"}, {"id": "bge-m3:latest"}]})
    found = asked(internet, OLLAMA, None)
    assert found is not None
    assert str(found.verdict) == "passed"
    assert internet.asked == [("http://10.0.0.9:11434/v1/models", {})]


def test_without_a_key_nobody_is_asked_and_it_is_said() -> None:
    internet = Internet()
    found = asked(internet, {}, None)
    assert found is not None
    assert (str(found.verdict), found.code, internet.asked) == ("warning", "model-not-asked", [])


def test_the_offline_model_is_no_stranger() -> None:
    assert asked(Internet(), {"provider": "offline"}, None) is None
