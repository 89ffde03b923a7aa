"""The model's key and address, as far as they can be judged without asking anybody."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from memdeploy.providers.base import Verdict
from memdeploy.providers.gcp.checks import model
from memdeploy.providers.gcp.checks.facts import Facts
from memdeploy.secret import Secret
from tests.unit.providers.gcp.test_graph import cloud


def facts(key: str, **options: Any) -> Facts:
    scope = cloud(model=options).scope
    scope = replace(scope, context=replace(scope.context, model_key=Secret(key)))
    return Facts(scope, SimpleNamespace(read=lambda call: call()), check_model=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "key", ["“sk-canary-1”", "sk-canary–1", "sk-canary-1\u00a0", "sk-canary\t1", "sk-canary\x1b[2J"]
)
def test_a_key_that_no_header_takes_is_refused_before_anything_is_made(key: str) -> None:
    [finding] = model.spelled(facts(key))
    assert (finding.verdict, finding.code) == (Verdict.FAILED, "model-key-malformed")
    assert "canary" not in f"{finding.text} {finding.remedy}"


@pytest.mark.parametrize("key", ["sk-proj-abc_DEF-123", "id:se/cret+x==", '{"a": "b c"}'])
def test_other_keys_are_not_judged(key: str) -> None:
    assert list(model.spelled(facts(key))) == []


def test_an_address_that_is_none_is_told() -> None:
    asked = facts("sk-1", base_url="http://[x")
    found = replace(asked, scope=replace(asked.scope, clients=SimpleNamespace(http=requests.Session)))  # type: ignore[arg-type]
    [finding] = model.answers(found)
    assert (finding.verdict, finding.code) == (Verdict.WARNING, "model-unreachable")
