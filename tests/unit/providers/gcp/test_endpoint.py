"""What is said of the model's address before anybody agrees."""

from __future__ import annotations

import pytest

from memdeploy.providers.gcp import endpoint
from tests.unit.providers.gcp.bodies import scope

NOWHERE = {"neo4j": {"mode": "sidecar"}, "postgres": {"connectivity": "connector"}}


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("https://llm.example.com/v1", {}, None),
        ("http://10.0.0.9:11434/v1", {}, None),
        ("http://10.0.0.9:11434/v1", NOWHERE, "out of reach"),
        ("http://llm.example.com/v1", {}, "Use https"),
        ("http://localhost:11434/v1", {}, "own container"),
        ("http://127.0.0.1:11434/v1", {}, "own container"),
        ("http://[::1]:11434/v1", {}, "own container"),
        (None, {}, None),
    ],
)
def test_an_address_that_may_not_be_meant_is_said(
    url: str | None, options: dict[str, object], said: str | None
) -> None:
    found = endpoint.warning(scope(model={"base_url": url}, **options).deployment)
    assert (found is None) if said is None else (said in (found or ""))
