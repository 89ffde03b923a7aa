"""docs/cli-output.schema.json describes what --json prints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest

from memdeploy.engine.events import EventKind
from memdeploy.errors import ExitCode, Locked
from memdeploy.lifecycle.result import Result, failure
from memdeploy.report import envelope
from tests.support.cli import VALIDATOR, validator
from tests.unit.cli.test_entry import commands
from tests.unit.report.samples import ERRORS, PLAN, STATUS, UP

SCHEMA: Mapping[str, Any] = VALIDATOR.schema
RESULTS = [
    Result("plan", "success", data=PLAN),
    Result("up", "success", data=UP),
    Result("up", "partial", 1, {**UP, "verified": None, "url": None}, ERRORS[:1]),
    Result("status", "success", data={k: v for k, v in STATUS.items() if k not in ("cost_per_month", "prices")}),
    failure("destroy", Locked("somebody else works here", suggestion="--wait")),
]


def valid(document: Mapping[str, Any]) -> bool:
    return VALIDATOR.is_valid(document)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("result", RESULTS, ids=lambda r: f"{r.command}-{r.status}")
def test_results_are_valid(result: Result) -> None:
    assert valid(json.loads(envelope.dumps(result)))


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"status": "fine"}, {"exit_code": 9}, {"errors": [{"message": "no code"}]}, {"data": []},
     {"data": {"health": "maybe"}}, {"data": {"actions": [{"action": "create"}]}}, {"data": {}},
     {"data": {**PLAN, "pending": ["verify"]}}, {"data": {**PLAN, "url": "https://x"}}, {"command": "pla"},
     {"status": "error"}, {"status": "error", "exit_code": 3}, {"errors": ERRORS}, {"exit_code": 7}],
    ids=str,
)  # fmt: skip
def test_other_documents_are_not(change: Mapping[str, Any]) -> None:
    assert not valid({**envelope.document(RESULTS[0]), **change})


def test_exit_codes_are_those_of_the_commands() -> None:
    assert SCHEMA["properties"]["exit_code"]["enum"] == sorted(ExitCode)


def test_every_kind_of_event_is_published() -> None:
    published = validator("events.schema.json").schema
    assert set(published["properties"]["kind"]["enum"]) == set(EventKind)
    assert set(published["$defs"]) == set(EventKind)


def test_every_command_is_published() -> None:
    assert set(SCHEMA["$defs"]["command"]["enum"]) == {
        " ".join(words) for words in commands() if words != ("rehearsal", "serve")
    }
