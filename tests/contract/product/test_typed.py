"""A key typed at the hidden prompt: refused by an API that repeats it, stored, and held by a process that is ended by a
fault. It is in no byte that was written and in none that the terminal showed."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contract.product import canary
from tests.support.cli import Memdeploy
from tests.support.echoing import echoing
from tests.support.rehearsed import Rehearsed
from tests.support.terminal import Terminal

pytestmark = [pytest.mark.xdist_group("typed"), pytest.mark.timeout(600)]

KEY = "c4n/ry+Key\"typed'&%$ @:~?=#\\end-of-it"
LINE = ("up", "--provider", "gcp", "--project", "proj-1", "--model-url", "http://127.0.0.1:9/v1")
ASKED = "Key of the model's provider (OPENAI_API_KEY is not set"
LOOKS = (("history", "--json"), ("status", "--json"), ("outputs", "--json"))


@dataclass
class Story:
    """`shown`: part -> all that its terminal, or its output, showed."""

    folder: Path
    memdeploy: Memdeploy
    cloud: Path
    shown: dict[str, str] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    lines: list[bytes] = field(default_factory=list)

    def ask(self, part: str, *more: str) -> Terminal:
        """A terminal at which the key was typed, and the next question is shown."""
        logs = ("--events", str(self.folder / "events.jsonl"), "--wire-log", str(self.folder / "wire.jsonl"))
        environment = {**self.memdeploy.environ(), "CI": "", "PYTHONFAULTHANDLER": "1"}
        line = [*LINE, *logs, "--state", str(self.memdeploy.state), *more]
        terminal = Terminal.start(line, self.memdeploy.folder, environment)
        terminal.until(ASKED)
        terminal.type(KEY)
        terminal.until("[y/N]")
        self.lines.append(Path(f"/proc/{terminal.process.pid}/cmdline").read_bytes())
        return terminal

    def end(self, part: str, terminal: Terminal) -> None:
        self.codes[part] = terminal.end()
        self.shown[part] = terminal.shown


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("typed")
    (folder / "user").mkdir()
    cloud = Rehearsed.serve(folder / "cloud", scale=0.0005)
    try:
        with echoing(cloud.endpoint) as between:
            memdeploy = Memdeploy(folder / "user", {"MEMDEPLOY_GCP_ENDPOINT": between.endpoint})
            story = Story(folder, memdeploy, folder / "cloud")
            between.refuse[:] = ["-key:addVersion"]
            terminal = story.ask("refused")
            terminal.type("y")
            story.end("refused", terminal)
            between.refuse.clear()
            terminal = story.ask("stored")
            terminal.type("y")
            story.end("stored", terminal)
            _fault(story)
            for line in LOOKS:
                done = memdeploy(*line, "--name", "memmachine", json_output=False)
                story.shown[" ".join(line)] = done.stdout + done.stderr
            yield story
    finally:
        cloud.stop()


def _fault(story: Story) -> None:
    with _cores_wanted():
        terminal = story.ask("ended by a fault", "--name", "other")
    os.kill(terminal.process.pid, signal.SIGABRT)
    story.end("ended by a fault", terminal)


@contextmanager
def _cores_wanted() -> Iterator[None]:
    """As on a machine where a fault leaves one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def test_it_was_typed_and_used(story: Story) -> None:
    assert story.codes == {"refused": 1, "stored": 0, "ended by a fault": -signal.SIGABRT}
    assert "Invalid value at 'payload.data' (TYPE_BYTES)" in " ".join(story.shown["refused"].split())
    assert "***" in story.shown["refused"]
    assert "Fatal Python error: Aborted" in story.shown["ended by a fault"]
    assert KEY in canary.stored(story.cloud).values()


def test_no_byte_that_was_written_tells_it(story: Story) -> None:
    """Events, wire log, journals, logs of runs, a crash log or the image of a memory."""
    assert canary.in_files(story.folder, canary.forms("the typed key", KEY)) == []
    names = {path.name for path in story.folder.rglob("*")}
    assert {"events.jsonl", "wire.jsonl", "journal.1.json"} <= names
    assert not [name for name in names if name.startswith(("core", "crash-"))]
    events = [json.loads(line) for line in (story.folder / "events.jsonl").read_text().splitlines()]
    [failed] = [one for one in events if one["kind"] == "step-failed" and one["step"] == "secret.model"]
    assert "***" in failed["data"]["message"]


def test_no_byte_that_was_shown_tells_it(story: Story) -> None:
    wanted = canary.forms("the typed key", KEY)
    assert {part: what for part, text in story.shown.items() if (what := canary.found(text.encode(), wanted))} == {}
    assert all(story.shown.values())
    assert canary.found(b" ".join(story.lines), wanted) == []
