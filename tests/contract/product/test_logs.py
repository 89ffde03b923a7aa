"""`memdeploy logs`: what the parts of a deployment said, once and as it comes."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

TRACEBACK = "Traceback (most recent call last):\n  File \"a.py\", line 1\n\x1b[31mKeyError\x1b[0m: \x07\u202e'x'"


def say(cloud: Rehearsed, *lines: str, pattern: str = "*-api") -> None:
    """What a service or job says when it is started the next time."""
    cloud.ask("POST", "/_rehearsal/containers", {"containers": [{"name": pattern, "lines": list(lines)}]})


def texts(memdeploy: Memdeploy, *line: str) -> list[str]:
    """Lines arrive late: until there are some."""
    for _ in range(50):
        found = [entry["text"] for entry in memdeploy("logs", *line).data["lines"]]
        if found:
            return found
        time.sleep(0.05)
    return []


def test_each_component_is_told_from_the_others(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    say(cloud, "hello from the service")
    memdeploy(*UP)
    assert texts(memdeploy) == ["hello from the service"]
    assert [text.partition(" ")[0] for text in texts(memdeploy, "build")] == ["starting", "DONE"]
    for component in ("neo4j", "postgres", "prepare"):
        found = memdeploy("logs", component).data
        assert (found["component"], found["lines"]) == (component, [])
        assert "nothing real runs" in found["reason"]
    assert "No line of postgres was found: nothing real runs" in memdeploy("logs", "postgres", json_output=False).stdout


def test_builds_of_another_deployment_are_not_shown(memdeploy: Memdeploy) -> None:
    memdeploy(*UP)
    memdeploy(*UP, "--name", "other")
    [started, _done] = texts(memdeploy, "build", "--name", "other")
    assert started not in texts(memdeploy, "build", "--name", "memmachine")


def test_severity_number_and_time_choose(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    say(cloud, "one", "two", "three")
    memdeploy(*UP)
    assert texts(memdeploy, "--limit", "2") == ["two", "three"]
    assert texts(memdeploy, "--since", "10m") == ["one", "two", "three"]
    assert memdeploy("logs", "--since", "2090-01-01T00:00").data["lines"] == []
    nothing = memdeploy("logs", "--level", "error").data
    assert nothing["lines"] == []
    assert memdeploy("logs", "--since", "soon", expect=2).json["errors"][0]["step"] == "--since"


def test_an_entry_of_several_lines_keeps_them_and_moves_nobodys_cursor(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    say(cloud, TRACEBACK)
    memdeploy(*UP)
    assert texts(memdeploy) == [TRACEBACK]
    shown = memdeploy("logs", json_output=False).stdout
    assert shown.partition("Traceback")[2].splitlines() == [
        " (most recent call last):", '    File "a.py", line 1', "  KeyError: 'x'"
    ]  # fmt: skip


@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGTERM])
def test_followed_until_it_is_told_to_stop(memdeploy: Memdeploy, cloud: Rehearsed, signalled: signal.Signals) -> None:
    say(cloud, "first")
    memdeploy(*UP)
    process: Any = memdeploy.start("logs", "--follow", json_output=False)
    try:
        assert "following service; Ctrl-C ends it" in process.stderr.readline()
        assert process.stdout.readline().endswith("first\n")
        say(cloud, "second")
        memdeploy(*UP, "--max-instances", "3")
        assert process.stdout.readline().endswith("second\n")
    finally:
        process.send_signal(signalled)
        rest, said = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, ""), said


def test_following_has_no_end_and_json_is_one_document(memdeploy: Memdeploy) -> None:
    assert memdeploy("logs", "--follow", expect=2).json["errors"][0]["step"] == "--follow"


def test_one_lost_answer_does_not_end_it(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    say(cloud, "first")
    memdeploy(*UP)
    process: Any = memdeploy.start("logs", "--follow", json_output=False)
    try:
        process.stderr.readline()
        assert process.stdout.readline().endswith("first\n")
        cloud.faults("503@logging.entries.list=1x")
        assert "no answer, tried again" in process.stderr.readline()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_component_that_this_mode_has_not_is_named(memdeploy: Memdeploy) -> None:
    external = (
        "--neo4j",
        "external",
        "--neo4j-uri",
        "neo4j+s://127.0.0.1:1",
    )  # a driver that logs when it finds nobody
    memdeploy(*UP, *external, extra={"NEO4J_PASSWORD": "not-a-real-one"})
    [error] = memdeploy("logs", "neo4j", expect=2).json["errors"]
    assert error["code"] == "no-such-component"
    assert "a server of yours" in error["message"]
    assert error["suggestion"] == "There are: service, postgres, build, prepare."


def test_a_component_that_does_not_exist_is_named_with_those_that_do(memdeploy: Memdeploy) -> None:
    memdeploy(*UP)
    [error] = memdeploy("logs", "redis", expect=2).json["errors"]
    assert (error["code"], error["suggestion"]) == (
        "unknown-component", "There are: service, neo4j, postgres, build, prepare."
    )  # fmt: skip
