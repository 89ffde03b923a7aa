"""What is asked for, of whom, and when nobody is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from memdeploy.config.errors import ConfigError
from memdeploy.lifecycle import given
from memdeploy.lifecycle.request import Request
from memdeploy.secret import Secret
from tests.unit.lifecycle.toys import deployment, journal, record

CANARY = "canary-4711"
BEDROCK = {"provider": "amazon-bedrock", "region": "us-east-1", "chat": "c", "embedding": "e"}
EXTERNAL = {"mode": "external", "uri": "neo4j+s://x.example"}


class Somebody:
    """Types these answers, one after another."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.questions: list[str] = []

    def __call__(self, question: str) -> str:
        self.questions.append(question)
        return self.answers.pop(0)


def asked(
    who: Somebody | None, options: Mapping[str, Any], *, found: Mapping[str, Secret] | None = None, stored: str = ""
) -> Mapping[str, Secret]:
    steps = {stored: replace(record(stored), outputs={"secret": {}})} if stored else {}
    request = Request("up", hidden=who, secrets=lambda _: found or {})
    return given.secrets(request, deployment(**options), journal("deploying", steps=steps))


def test_a_key_that_nothing_gives_is_asked_for_by_its_variables_name() -> None:
    who = Somebody(CANARY)
    assert asked(who, {"model": {"key": {"env": "MY_KEY"}}}) == {"model_key": Secret(CANARY)}
    [question] = who.questions
    assert "MY_KEY is not set" in question


def test_aws_credentials_are_two_answers_and_one_secret() -> None:
    found = asked(Somebody("AKIA1", CANARY), {"model": BEDROCK})["model_key"].reveal()
    assert json.loads(found) == {"Version": 1, "AccessKeyId": "AKIA1", "SecretAccessKey": CANARY}
    with pytest.raises(ConfigError, match="the secret access key is missing"):
        asked(Somebody("AKIA1", ""), {"model": BEDROCK})


def test_the_password_of_ones_own_neo4j_is_asked_for_as_well() -> None:
    who = Somebody(CANARY, "pass-word")
    assert asked(who, {"neo4j": EXTERNAL}) == {"model_key": Secret(CANARY), "neo4j_password": Secret("pass-word")}
    assert len(who.questions) == 2


@pytest.mark.parametrize("options", [{}, {"model": BEDROCK}])
def test_nothing_typed_is_nothing_given(options: Mapping[str, Any]) -> None:
    assert asked(Somebody("", ""), options) == {}


@pytest.mark.parametrize(
    "options",
    [
        {"model": {"provider": "offline"}},
        {"model": {"provider": "ollama", "base_url": "http://h/v1", "chat": "c", "embedding": "e"}},
        {"model": {"key": {"secret": "theirs"}}},
    ],
)
def test_nobody_is_asked_for_what_is_not_needed_or_elsewhere(options: Mapping[str, Any]) -> None:
    assert asked(Somebody(), options) == {}


def test_nobody_is_asked_for_what_was_found_or_is_stored() -> None:
    assert asked(Somebody(), {}, found={"model_key": Secret("found")}) == {"model_key": Secret("found")}
    assert asked(Somebody(), {}, stored="secret.model") == {}
    who = Somebody(CANARY)
    assert set(asked(who, {"neo4j": EXTERNAL}, stored="secret.external")) == {"model_key"}


def test_where_nobody_can_answer_nothing_is_asked() -> None:
    assert asked(None, {"neo4j": EXTERNAL}) == {}
