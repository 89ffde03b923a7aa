"""What is said of a mode before it is chosen."""

from __future__ import annotations

from typing import Any

import pytest

from memdeploy.providers.gcp import modes

from .bodies import scope

CONNECTOR = {"postgres": {"connectivity": "connector"}}


def said(uri: str, **options: Any) -> list[str]:
    return list(modes.warnings(scope(neo4j={"mode": "external", "uri": uri}, **options).deployment))


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("bolt://db.example.com:7687", ["is not encrypted"]),
        ("neo4j://8.8.8.8", ["is not encrypted"]),
        ("bolt://10.1.2.3", []),
        ("bolt+ssc://10.1.2.3", ["takes any certificate"]),
        ("neo4j+ssc://db.example.com", ["takes any certificate"]),
        ("neo4j+s://xxxx.databases.neo4j.io", []),
        ("bolt+s://10.1.2.3", []),
    ],
)
def test_what_an_address_is_warned_of(uri: str, words: list[str]) -> None:
    found = said(uri)
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))


def test_a_private_address_is_out_of_reach_without_a_network() -> None:
    assert any("no network of ours" in text for text in said("bolt+s://10.1.2.3", **CONNECTOR))
    assert said("neo4j+s://xxxx.databases.neo4j.io", **CONNECTOR) == []


def test_a_sidecar_is_said_to_lose_everything() -> None:
    [text] = modes.warnings(scope(neo4j={"mode": "sidecar"}).deployment)
    assert "lost at each restart" in text
