"""Who may call."""

from __future__ import annotations

import pytest

from memdeploy.engine.step import Unknown
from memdeploy.providers.gcp.access import invokers, warning

from .bodies import scope

VERIFIER = "vrf@proj-1.iam.gserviceaccount.com"
AGENT = "serviceAccount:agent@proj-1.iam.gserviceaccount.com"


def test_the_verifier_always_may() -> None:
    for service in ({}, {"access": "public-unauthenticated"}, {"access": "invokers", "invokers": [AGENT]}):
        assert f"serviceAccount:{VERIFIER}" in invokers(scope(service=service).deployment, VERIFIER)


def test_others_may_when_they_are_named() -> None:
    deployment = scope(service={"access": "invokers", "invokers": [AGENT]}).deployment

    assert invokers(deployment, VERIFIER) == sorted([AGENT, f"serviceAccount:{VERIFIER}"])
    assert invokers(deployment, Unknown("account.verifier", "email")) == [AGENT]


def test_nobody_is_ever_everybody() -> None:
    members = invokers(scope(service={"access": "public-unauthenticated"}).deployment, VERIFIER)

    assert "allUsers" not in members


@pytest.mark.parametrize("word", ["/mcp", "/docs", "/metrics", "budget"])
def test_the_warning_names_what_is_exposed(word: str) -> None:
    assert word in (warning(scope(service={"access": "public-unauthenticated"}).deployment) or "")
    assert warning(scope().deployment) is None
