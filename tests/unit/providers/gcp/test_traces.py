"""Whose a thing is shows in its marker; its name alone proves nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from memdeploy.providers.gcp import traces

SCOPE: Any = SimpleNamespace(deployment=SimpleNamespace(name="toys"))


def found(*things: tuple[str, str | None]) -> list[str]:
    listed = ((name, marker, "secret", "") for name, marker in things)
    return [trace.suffix for trace in traces._of(SCOPE, listed)]


def test_a_marked_thing_of_that_name_is_a_trace() -> None:
    assert found(("toys-x7k2-pg", "a" * 12)) == ["x7k2"]


@pytest.mark.parametrize(
    ("name", "marker"),
    [
        ("toys-x7k2-pg", None),
        ("toys-more-x7k2-pg", "a" * 12),  # of the deployment toys-more
        ("toys-x7k2", "a" * 12),
        ("toys-x7k2-pg-more", "a" * 12),
        ("mytoys-x7k2-pg", "a" * 12),
    ],
)
def test_other_things_are_none(name: str, marker: str | None) -> None:
    assert found((name, marker)) == []


@pytest.mark.parametrize(
    ("text", "marker"),
    [("memdeploy/abcdefghijkl", "abcdefghijkl"), ("memdeploy/shared-r1", None), ("mine", None), ("", None)],
)
def test_a_description_is_a_marker_as_a_whole_or_not_at_all(text: str, marker: str | None) -> None:
    assert traces._described({"description": text}) == marker
