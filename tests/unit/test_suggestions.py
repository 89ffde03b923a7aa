"""Every rule catches the real text it was written for, and no other rule takes that text from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from memdeploy.suggestions import advise, rules

SEEN = yaml.safe_load(Path(__file__).with_name("suggestions.yaml").read_text())
TEXTS = [(rule, entry["text"]) for rule, entries in SEEN.items() for entry in entries]


@pytest.mark.parametrize(("rule", "text"), TEXTS)
def test_a_real_text_finds_its_rule(rule: str, text: str) -> None:
    found = advise(text)
    assert found is not None
    assert found.rule == rule
    assert found.says.endswith(".")
    assert found.suggestion.endswith(".")


def test_every_rule_has_a_text_and_every_text_a_rule() -> None:
    assert [rule.id for rule in rules()] == list(SEEN)
    assert all(entry["seen"] for entries in SEEN.values() for entry in entries)


def test_what_nobody_knows_gets_no_advice() -> None:
    assert advise("INFO: Application startup complete.", "") is None


def test_of_a_long_text_the_end_counts_and_nothing_else_is_looked_at() -> None:
    """Whoever can write into a container's log could otherwise keep us busy for minutes."""
    long, said = "x" * 1_000_000, "\nNo module named 'psycopg2'\n"
    found = advise(long + said)
    assert found is not None
    assert found.rule == "driver-missing"
    assert advise(said + long) is None


def test_the_first_text_with_a_rule_counts() -> None:
    found = advise("nothing", "No module named 'psycopg2'", "Incorrect API key provided")
    assert found is not None
    assert found.rule == "driver-missing"
