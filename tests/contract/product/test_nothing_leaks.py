"""A deployment's whole life with planted secrets of every kind, in which clouds repeat what they refuse: no secret is
in any byte that was written, printed, or shown as a command line. What may tell one is listed here, and is little.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.product import canary
from tests.contract.product.test_canary import Story
from tests.support.cli import Memdeploy
from tests.support.echoing import Echoing, echoing
from tests.support.rehearsed import Rehearsed

pytestmark = [pytest.mark.xdist_group("leaks"), pytest.mark.timeout(900)]

KEY = "c4n/ry+Key\"three'&%$ @:*?=#\\end-of-it"
PASSWORD = "c4n/ry+Neo\"four'&%$ @:!?=#\\end-of-it"
#: Planted where memdeploy looks or passes things on, and none of its business.
AROUND = {
    "HTTPS_PROXY": "http://c4naryuser:c4nary-proxy-password@127.0.0.1:9",
    "AWS_SECRET_ACCESS_KEY": "c4nary-aws-secret-access-key",
    "GITHUB_TOKEN": "ghp_c4naryGithubTokenOfSomebody",
    "MEMDEPLOY_TEST_NOTHING": "c4nary-of-a-variable-of-ours",
}
WRONG = "postgres://c4naryuser:c4nary-url-password@db.example/x"
PROJECT = ("--project", "proj-1", "--provider", "gcp")
INSIDE = "bolt+s://127.0.0.1:1"
EXTERNAL = ("--neo4j", "external", "--neo4j-uri", INSIDE, "--neo4j-password-env", "NEO4J_SECRET")
MODEL = ("--model-url", "http://127.0.0.1:9/v1", "--model-key-env", "MY_MODEL_KEY")
UP = ("up", "--yes", *PROJECT, *EXTERNAL, *MODEL)
ADD_VERSION, ADD_USER = ":addVersion", "/users"
#: The rehearsal is the cloud: its secret file holds secrets by nature, and nothing else of it.
MAY_TELL: tuple[str, ...] = (canary.SECRETS,)
LOOKS = ("status", "outputs", "verify", "history", "logs", "list")
FOR_PEOPLE = ("status", "history", "logs")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("leaks")
    (folder / "user").mkdir()
    cloud = Rehearsed.serve(folder / "cloud", scale=0.0005)
    try:
        with echoing(cloud.endpoint) as between:
            yield _life(folder, cloud, between)
    finally:
        cloud.stop()


def _life(folder: Path, cloud: Rehearsed, between: Echoing) -> Story:
    environment = {**AROUND, "MEMDEPLOY_GCP_ENDPOINT": between.endpoint, "MY_MODEL_KEY": KEY, "NEO4J_SECRET": PASSWORD}
    secrets = {"the model's key": KEY, "Neo4j's password": PASSWORD, **AROUND, "in an address": "c4nary-url-password"}
    story = Story(folder, Memdeploy(folder / "user", environment), secrets)
    _plain(story, "init", "init", "--provider", "gcp", "--project", "proj-1")
    (folder / "user" / "memdeploy.yaml").unlink()
    _plain(story, "refused", "plan", *PROJECT, "--model-url", WRONG, expect=2)
    _plain(story, "refused as JSON", "plan", *PROJECT, "--neo4j", "external", "--neo4j-uri", WRONG, "--json", expect=2)
    for part in (ADD_VERSION, ADD_USER):
        between.refuse[:] = [part]
        before = between.refused
        story.run(f"up refused at {part}", *UP, expect=1, as_json=part == ADD_VERSION)
        assert between.refused > before, part
    between.refuse.clear()
    story.run("up", *UP)
    story.look("up", folder / "cloud")
    for command in LOOKS:
        _plain(story, command, command, *(() if command in FOR_PEOPLE else ("--json",)))
    _plain(story, "outputs --env", "outputs", "--env")
    _proxy(story)
    story.run("destroy", "destroy", "--yes", "--delete-data", expect=None)
    assert story.outcomes["destroy"].code in (0, 11)
    _plain(story, "history after all", "history", expect=None)
    story.look("the end", folder / "cloud")
    return story


def _plain(story: Story, part: str, *line: str, expect: int | None = None) -> None:
    """Commands of which some take no --events."""
    with canary.Watch(str(story.folder).encode()) as watch:
        story.outcomes[part] = story.memdeploy(*line, expect=expect, json_output=False)
    story.lines |= watch.lines


def _proxy(story: Story) -> None:
    process = story.memdeploy.start("proxy", "--port", "0", json_output=False)
    said = ""
    while not re.search(r"http://127\.0\.0\.1:\d+", said):
        line = process.stderr.readline()
        assert line, said
        said += line
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    story.outcomes["proxy"] = type(story.outcomes["up"])(process.returncode, stdout, said + stderr)


def test_what_is_looked_for_was_there(story: Story) -> None:
    kept = [value for name, value in story.secrets.items() if name.startswith("projects/")]
    assert {KEY, PASSWORD} <= set(kept)
    assert [value for value in kept if len(value) == 32 and value.isalnum()], "a generated password, read back"
    for part in (f"up refused at {ADD_VERSION}", f"up refused at {ADD_USER}"):
        said = story.outcomes[part].stdout + story.outcomes[part].stderr
        assert "Invalid value at 'payload.data' (TYPE_BYTES)" in said
        assert "***" in said
    for command in LOOKS:
        assert story.outcomes[command].stdout, command


def test_no_byte_that_was_written_tells_a_secret(story: Story) -> None:
    assert MAY_TELL == (canary.SECRETS,)
    assert {part: places for part, places in story.files.items() if places} == {}
    journals = list(story.memdeploy.state.rglob("journal.*.json"))
    runs = list(story.memdeploy.state.rglob("runs/*.jsonl"))
    assert len(journals) >= 2
    assert len(runs) >= 4
    assert any("Invalid value at" in path.read_text() for path in runs), "the refusal was recorded, without the value"


def test_no_byte_that_was_printed_tells_one(story: Story) -> None:
    wanted = story.forms()
    told: dict[str, Any] = {
        part: what
        for part, outcome in story.outcomes.items()
        if (what := canary.found((outcome.stdout + outcome.stderr).encode(), wanted))
    }
    assert told == {}
    assert {part for part, outcome in story.outcomes.items() if "Traceback" in outcome.stderr + outcome.stdout} == set()
    assert "export MEMMACHINE_URL=" in story.outcomes["outputs --env"].stdout


def test_no_command_line_shows_one(story: Story) -> None:
    wanted = {form: what for form, what in story.forms().items() if "in an address" not in what}
    assert any(b"memdeploy" in line for line in story.lines)
    assert {line: what for line in story.lines if (what := canary.found(line, wanted))} == {}
