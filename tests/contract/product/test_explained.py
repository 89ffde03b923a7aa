"""A deployment that fails says why: the revision's own condition, its last lines, and what they mean today."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

NEO4J = (
    "neo4j.exceptions.ServiceUnavailable: Couldn't connect to 10.71.0.2:7687 (resolved to ('10.71.0.2:7687',)):",
    "Timed out trying to establish connection to ResolvedIPv4Address(('10.71.0.2', 7687))",
)
#: The guide's troubleshooting, and what is true today: lines of the container, the error's code, a word of the advice.
CASES: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "missing driver": (
        ("Traceback (most recent call last):", "ModuleNotFoundError: No module named 'psycopg2'"),
        "revision-driver-missing", "supported release",
    ),
    "wrong site-packages": (
        ("Successfully installed psycopg2-binary-2.9.11", "ModuleNotFoundError: No module named 'psycopg2'"),
        "revision-driver-beside-the-environment", "asyncpg",
    ),
    "Neo4j unreachable": (NEO4J, "revision-neo4j-unreachable", "cannot pass a Cloud Run address"),
    "Neo4j unreachable, by our image": (
        (
            "memdeploy: Neo4j does not answer. ServiceUnavailable: Couldn't connect to 10.71.0.2:7687",
            json.dumps({"ok": False, "culprit": "neo4j-unreachable", "code": 31, "detail": "ServiceUnavailable"}),
        ),
        "neo4j-unreachable", "firewall",
    ),
    "schema step failing": (
        ("/app/startup.sh: line 52: memmachine-sync-profile-schema: command not found",),
        "revision-schema-tool-gone", "prepare job makes the tables",
    ),
    "PostgreSQL timeout": (
        ("could not connect to server: Connection timed out",), "revision-postgres-unreachable", "0.0.0.0/0",
    ),
    "not ready in time": (("INFO: Waiting for application startup.",), "revision-not-listening", "3 to 16 seconds"),
}  # fmt: skip


def plant(cloud: Rehearsed, *containers: Mapping[str, Any]) -> None:
    cloud.ask("POST", "/_rehearsal/containers", {"containers": list(containers)})


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_explained_by_up_and_by_status(case: str, memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    lines, code, advice = CASES[case]
    plant(cloud, {"name": "memmachine-*-api", "lines": lines, "starts": False})
    failed = memdeploy(*UP, expect=1).json
    assert failed["data"]["verified"] is None
    status = memdeploy("status", expect=7).json
    for found in (failed["errors"][0], status["errors"][0]):
        assert (found["step"], found["code"]) == ("service", code)
        assert "failed to start and listen on the port" in found["message"]
        assert advice in found["suggestion"]
        assert [line for line in found["details"] if line in lines] == list(lines)
    assert {s["name"]: s["state"] for s in status["data"]["steps"]}["service"] == "broken"


def test_once_the_cause_is_gone_up_goes_on(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    plant(cloud, {"name": "memmachine-*-api", "starts": False})
    memdeploy(*UP, expect=1)
    plant(cloud)
    assert memdeploy("up", "--yes").data["verified"] == "simulated"
    assert memdeploy("status").json["errors"] == []


def test_what_the_container_says_cannot_touch_the_terminal(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07[bold red]not markup[/] \x1b[31mNo module named 'psycopg2'\x1b[0m\x08\x08"
    plant(cloud, {"name": "*-api", "lines": [hostile], "starts": False})
    failed = memdeploy(*UP, json_output=False, expect=1)
    assert "[bold red]not markup[/] No module named 'psycopg2'" in failed.stderr
    said = memdeploy("logs", json_output=False).stdout
    assert "[bold red]not markup[/] No module named 'psycopg2'" in said
    for shown in (failed.stdout, failed.stderr, said):
        assert not {c for c in shown if ord(c) < 32} - {"\n"}
        assert "owned" not in shown


def test_lines_that_may_not_be_read_hide_nothing(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    plant(cloud, {"name": "*-api", "lines": ["No module named 'psycopg2'"], "starts": False})
    cloud.faults("403@logging.entries.list=99x")
    [error] = memdeploy(*UP, expect=1).json["errors"]
    assert error["code"] == "revision-not-listening"
    assert "failed to start and listen on the port" in error["message"]
    assert "details" not in error


def test_logs_of_a_component(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    plant(cloud, {"name": "*-api", "lines": ["one", "two", "three"]})
    memdeploy(*UP)
    lines = memdeploy("logs").data["lines"]
    assert [line["text"] for line in lines] == ["one", "two", "three"]
    assert [line["text"] for line in memdeploy("logs", "--limit", "1").data["lines"]] == ["three"]
    assert memdeploy("logs", "--level", "error").data["lines"] == []
    assert memdeploy("logs", "--since", "2001-01-01").data["lines"] == lines
    assert memdeploy("logs", "postgres").data["lines"] == []
    assert memdeploy("logs", "kitchen", expect=2).json["errors"][0]["code"] == "unknown-component"
    assert memdeploy("logs", "--since", "yesterday", expect=2).json["errors"][0]["step"] == "--since"
    assert memdeploy("logs", "--follow", expect=2).json["errors"][0]["step"] == "--follow"


def test_a_followed_log_goes_on_and_repeats_nothing(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    import signal

    plant(cloud, {"name": "*-api", "lines": ["first"]})
    memdeploy(*UP)
    process = memdeploy.start("logs", "--follow", json_output=False)
    try:
        assert process.stdout.readline().endswith("first\n")
        plant(cloud, {"name": "*-api", "lines": ["second"]})
        memdeploy("up", "--yes", "--max-instances", "7")
        assert process.stdout.readline().endswith("second\n")
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert rest == ""
    assert process.returncode == 0
