"""No secret is found anywhere but in the rehearsal's own secret file, whatever happens on the way.

Two stories, each told once for the module. In one the model's key comes from the environment, is kept, and two `up`s
fail while secrets are in flight; in the other it comes from a file, and the rehearsal is memdeploy's own.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contract.product import canary, decoys
from tests.contract.product.contents import contents
from tests.support.cli import Memdeploy, Outcome, validator
from tests.support.rehearsed import Rehearsed

pytestmark = [pytest.mark.xdist_group("canary"), pytest.mark.timeout(900)]

FROM_ENVIRONMENT = "c4n/ry+Key\"one'&%$ @:~?=#\\end-of-it"
FROM_FILE = "c4n/ry+Key\"two'&%$ @:^?=#\\end-of-it"
UNUSED = "c4naryKeyThatNoModelBehindARehearsalEverNeeds"
DUMMY = "offline"  # stands in a key's place where no real model is: a word that is everywhere, and no secret
PROJECT = decoys.PROJECT
UP = ("up", "--yes", "--provider", "gcp", "--project", PROJECT)
MODEL = ("--model-url", "http://127.0.0.1:9/v1")
FAILURES = ("400@secretmanager.projects.secrets.addVersion=99x", "400@sql.users.insert=99x")


@dataclass
class Story:
    """`outcomes` are of all commands, `told` is what the cloud's APIs said, `lines` the command lines seen."""

    folder: Path
    memdeploy: Memdeploy
    secrets: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    told: dict[str, bytes] = field(default_factory=dict)
    lines: set[bytes] = field(default_factory=set)
    environments: dict[bytes, bytes] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    own: tuple[Path, ...] = ()

    def run(self, part: str, *line: str, expect: int | None = 0, as_json: bool = True) -> None:
        logs = ("--events", str(self.folder / "events.jsonl"), "--wire-log", str(self.folder / "wire.jsonl"))
        with canary.Watch(str(self.folder).encode()) as watch:
            outcome = self.memdeploy(*line, *logs, expect=expect, json_output=as_json)
        self.outcomes[part] = outcome
        self.lines |= watch.lines
        self.environments |= watch.environments

    def forms(self) -> dict[bytes, str]:
        return {
            form: label for name, value in self.secrets.items() for form, label in canary.forms(name, value).items()
        }

    def look(self, part: str, rehearsal: Path) -> None:
        """Remembers every secret there is now, and looks for all that were ever there in all files."""
        self.secrets |= {name: value for name, value in canary.stored(rehearsal).items() if value != DUMMY}
        self.files[part] = canary.in_files(self.folder, self.forms(), apart_from=self.own)
        for path in (self.memdeploy.state, *self.memdeploy.state.rglob("*"), rehearsal, *rehearsal.rglob("*")):
            if not path.is_socket():
                self.modes[str(path)] = f"{'folder' if path.is_dir() else 'file'} {stat.S_IMODE(path.stat().st_mode):o}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("canary")
    (folder / "user").mkdir()
    cloud = Rehearsed.serve(folder / "cloud", scale=0.0005)
    try:
        environment = {**cloud.environment, "OPENAI_API_KEY": FROM_ENVIRONMENT}
        story = Story(folder, Memdeploy(folder / "user", environment), {"the model's key": FROM_ENVIRONMENT})
        _with_failures(story, cloud)
        yield story
    finally:
        cloud.stop()


def _with_failures(story: Story, cloud: Rehearsed) -> None:
    rehearsal = story.folder / "cloud"
    for number, fault in enumerate(FAILURES):
        cloud.faults(fault)
        story.run(f"failed {number}", *UP, *MODEL, expect=1)
        story.look(f"failed {number}", rehearsal)
    cloud.faults("")
    story.run("up", *UP, *MODEL)
    story.look("up", rehearsal)
    everything = contents(cloud, PROJECT, "", _readable)
    story.told = {name: text.encode() for name, text in everything.items()}
    story.told["inventory"] = json.dumps(cloud.inventory()).encode()
    entries = cloud.ask("POST", "/logging/v2/entries:list", {"resourceNames": [f"projects/{PROJECT}"]})
    story.told["log entries"] = json.dumps(entries).encode()
    story.run("status", "status")
    story.run("plan", "plan")
    story.run("destroy", "destroy", "--yes", "--delete-data", expect=None)
    assert story.outcomes["destroy"].code in (0, 11)  # as long as the cloud holds the subnet
    story.told["request log"] = json.dumps(cloud.requests()).encode()
    story.look("destroy", rehearsal)


def _readable(item: Mapping[str, str]) -> bool:
    """What has a body of its own to read; versions would give their values."""
    return item["type"] != "SecretVersion" and item["service"] != "servicenetworking"


@pytest.fixture(scope="module")
def detached(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """memdeploy's own rehearsal: beside the journals, a process of its own while the command runs."""
    folder = tmp_path_factory.mktemp("canary-detached")
    user = folder / "user"
    user.mkdir()
    key = user / "model.key"
    key.touch(mode=0o600)
    key.write_text(FROM_FILE + "\n")
    memdeploy = Memdeploy(user, {"OPENAI_API_KEY": UNUSED})
    given = {"the key in the file": FROM_FILE, "the variable": UNUSED}
    story = Story(folder, memdeploy, given, own=(key,))
    rehearsal = memdeploy.state / "_rehearsal" / "gcp"
    rehearsing = ("--rehearse", "--backing", "none", "--time-scale", "0.0005")
    story.run("up", *UP, *rehearsing, *MODEL, "--model-key-file", str(key), as_json=False)
    story.look("up", rehearsal)
    story.run("status", "status", as_json=False)
    story.run("offline", *UP, *rehearsing, "--name", "offline")
    story.look("offline", rehearsal)
    story.run("destroy", "destroy", "--yes", "--name", "memmachine", as_json=False)
    story.look("destroy", rehearsal)
    return story


@pytest.fixture(params=["served", "detached"])
def story(request: pytest.FixtureRequest) -> Story:
    found: Story = request.getfixturevalue(request.param)
    return found


def test_the_secrets_are_where_they_belong(served: Story, detached: Story) -> None:
    """So that what is looked for below is what there really was."""
    for story, key in ((served, FROM_ENVIRONMENT), (detached, FROM_FILE)):
        kept = [value for name, value in story.secrets.items() if name.startswith("projects/")]
        assert key in kept
        assert sum("PRIVATE KEY" in value for value in kept) >= 1
        assert len([value for value in kept if len(value) == 32 and value.isalnum()]) >= 2
    assert UNUSED not in [value for name, value in detached.secrets.items() if name != "the variable"]


def test_no_file_holds_a_secret(story: Story) -> None:
    assert {part: places for part, places in story.files.items() if places} == {}


def test_no_output_holds_a_secret_and_json_is_one_document(story: Story) -> None:
    wanted = story.forms()
    for part, outcome in story.outcomes.items():
        assert canary.found(outcome.stdout.encode() + outcome.stderr.encode(), wanted) == [], part
        assert "Traceback" not in outcome.stdout + outcome.stderr, part
    for part in set(story.outcomes) if story.told else {"offline"}:
        assert story.outcomes[part].json["version"] == 1


def test_no_api_but_the_secrets_own_tells_one(served: Story) -> None:
    wanted = served.forms()
    told = {name: what for name, text in served.told.items() if (what := canary.found(text, wanted))}
    assert told == {}
    assert {name.split(" ")[1] for name in served.told if "/" in name} >= {
        "Instance",
        "Service",
        "Job",
        "Revision",
        "Execution",
    }


def test_no_command_line_holds_a_secret(story: Story) -> None:
    assert any(b"memdeploy" in line for line in story.lines)
    assert {line: what for line in story.lines if (what := canary.found(line, story.forms()))} == {}


def test_the_rehearsals_process_does_not_inherit_the_key(detached: Story) -> None:
    servers = {line: told for line, told in detached.environments.items() if b"memdeploy.rehearsal" in line}
    assert servers
    assert {line: what for line, told in servers.items() if (what := canary.found(told, detached.forms()))} == {}


def test_what_is_kept_is_the_users_alone(story: Story) -> None:
    assert set(story.modes.values()) == {"folder 700", "file 600"}, story.modes
    assert stat.S_IMODE((story.folder / "wire.jsonl").stat().st_mode) == 0o600


def test_events_and_wire_log_were_written(story: Story) -> None:
    """An empty file would hold no secret either."""
    for name in ("events.jsonl", "wire.jsonl"):
        lines = (story.folder / name).read_text().splitlines()
        assert len(lines) > 100
        assert all(json.loads(line) for line in lines)


def test_events_are_as_published(story: Story) -> None:
    published = validator("events.schema.json")
    told = [json.loads(line) for line in (story.folder / "events.jsonl").read_text().splitlines()]
    for event in told:
        published.validate(event)
    assert {event["kind"] for event in told} >= {
        "run-started", "plan-ready", "step-started", "step-progress", "step-finished", "run-finished"
    }  # fmt: skip
