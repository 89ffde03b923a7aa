"""Where the model's key may come from, that it is kept, and that the embedding model is not another one later."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed
from tests.support.terminal import Terminal

KEY, OTHER = "sk-canary-first", "sk-canary-second"
#: An endpoint of the user's own, so that a key is needed in a rehearsal too; nobody asks it anything.
MODEL = ("--model-url", "http://127.0.0.1:9/v1")
BEDROCK = (
    "--model-provider", "amazon-bedrock", "--model-region", "us-east-1", "--chat-model", "openai.gpt-oss-20b-1:0",
    "--embedding-model", "amazon.titan-embed-text-v2:0", "--embedding-dimensions", "1024",
)  # fmt: skip
ENABLE = "/serviceusage/v1/projects/proj-1/services:batchEnable"
#: What another key moves; prepare proves it before the service has it.
MOVED = ("secret.model", "prepare", "service")


def environment(memdeploy: Memdeploy, cloud: Rehearsed) -> dict[str, Any]:
    """Of the service's container; secrets as their references."""
    journal = memdeploy.journal()
    path = f"/run/v2/projects/proj-1/locations/us-central1/services/memmachine-{journal['suffix']}-api"
    variables = cloud.ask("GET", path)["template"]["containers"][0]["env"]
    return {v["name"]: v.get("value") or v["valueSource"]["secretKeyRef"] for v in variables}


def stored(memdeploy: Memdeploy, cloud: Rehearsed) -> tuple[str, str]:
    """(version in use, its value), as the service has it and as Secret Manager holds it."""
    ref = environment(memdeploy, cloud)["MODEL_API_KEY"]
    path = f"/secretmanager/v1/{ref['secret']}/versions/{ref['version']}:access"
    return ref["version"], base64.b64decode(cloud.ask("GET", path)["payload"]["data"]).decode()


def statuses(memdeploy: Memdeploy, *line: str, **rest: Any) -> dict[str, str]:
    return {step["name"]: step["status"] for step in memdeploy("up", "--yes", *line, **rest).data["steps"]}


def nothing_leaked(memdeploy: Memdeploy) -> None:
    kept = "".join(path.read_text(errors="replace") for path in memdeploy.folder.rglob("*") if path.is_file())
    assert "canary" not in kept


def test_from_the_environment_and_kept_when_it_is_not_set_again(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP, *MODEL, extra={"OPENAI_API_KEY": KEY})
    assert stored(memdeploy, cloud) == ("1", KEY)
    assert set(statuses(memdeploy).values()) == {"unchanged"}  # without it
    assert set(statuses(memdeploy, extra={"OPENAI_API_KEY": KEY}).values()) == {"unchanged"}
    renewed = statuses(memdeploy, extra={"OPENAI_API_KEY": OTHER})
    assert {step: renewed[step] for step in MOVED} == dict.fromkeys(MOVED, "updated")
    assert stored(memdeploy, cloud) == ("2", OTHER)
    assert set(statuses(memdeploy).values()) == {"unchanged"}
    assert stored(memdeploy, cloud) == ("2", OTHER)
    nothing_leaked(memdeploy)


def test_from_a_file(memdeploy: Memdeploy, cloud: Rehearsed, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)
    memdeploy(*UP, *MODEL, "--model-key-file", str(file))
    assert stored(memdeploy, cloud) == ("1", KEY)
    assert set(statuses(memdeploy).values()) == {"unchanged"}  # the journal knows where it is
    file.write_text(OTHER)
    assert statuses(memdeploy)["secret.model"] == "updated"
    assert stored(memdeploy, cloud) == ("2", OTHER)
    nothing_leaked(memdeploy)


def test_from_a_secret_that_is_there_already(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    cloud.ask("POST", ENABLE, {"serviceIds": ["secretmanager.googleapis.com"]})
    secrets = "/secretmanager/v1/projects/proj-1/secrets"
    cloud.until("POST", f"{secrets}?secretId=theirs", {"replication": {"automatic": {}}})
    payload = {"payload": {"data": base64.b64encode(KEY.encode()).decode()}}
    cloud.ask("POST", f"{secrets}/theirs:addVersion", payload)
    memdeploy(*UP, "--model-key-secret", "theirs")
    assert stored(memdeploy, cloud) == ("1", KEY)
    assert not [item for item in cloud.inventory() if item["name"].endswith("-key")]  # none of our own
    assert set(statuses(memdeploy).values()) == {"unchanged"}
    cloud.ask("POST", f"{secrets}/theirs:addVersion", {"payload": {"data": base64.b64encode(OTHER.encode()).decode()}})
    assert statuses(memdeploy)["service"] == "updated"
    assert stored(memdeploy, cloud) == ("2", OTHER)
    memdeploy("destroy", "--yes", "--delete-data", "--no-final-backup", expect=11)
    assert [item["type"] for item in cloud.inventory() if item["name"].endswith("/secrets/theirs")] == ["Secret"]


def test_typed_where_nothing_gives_it_and_never_shown(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    environment = {**memdeploy.environ(), "CI": ""}
    line = [*UP[:1], *UP[2:], *MODEL, "--state", str(memdeploy.state)]
    terminal = Terminal.start(line, memdeploy.folder, environment)
    terminal.until("Key of the model's provider (OPENAI_API_KEY is not set")
    assert not terminal.echoes()
    terminal.type(KEY)
    terminal.until("[y/N]")
    assert terminal.echoes()
    assert KEY.encode() not in Path(f"/proc/{terminal.process.pid}/cmdline").read_bytes()
    terminal.type("y")
    assert terminal.end() == 0, terminal.shown
    assert KEY not in terminal.shown
    assert stored(memdeploy, cloud) == ("1", KEY)
    again = Terminal.start(["up", "--yes", "--state", str(memdeploy.state)], memdeploy.folder, environment)
    assert again.end() == 0
    assert "Key of" not in again.shown  # the stored one is kept
    assert stored(memdeploy, cloud) == ("1", KEY)
    nothing_leaked(memdeploy)


def test_nothing_typed_is_no_key_and_nothing_is_made(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    line = [*UP, *MODEL, "--state", str(memdeploy.state)]
    terminal = Terminal.start(line, memdeploy.folder, {**memdeploy.environ(), "CI": ""})
    terminal.until("OPENAI_API_KEY is not set")
    terminal.type("")
    assert terminal.end() == 3
    assert "there is no key for the model" in terminal.shown
    assert [request for request in cloud.requests() if request["mutates"]] == []


@pytest.mark.parametrize(("more", "ci"), [(["--json"], ""), ([], "true")])
def test_programs_are_not_asked(memdeploy: Memdeploy, cloud: Rehearsed, more: list[str], ci: str) -> None:
    line = [*UP, *MODEL, "--state", str(memdeploy.state), *more]
    terminal = Terminal.start(line, memdeploy.folder, {**memdeploy.environ(), "CI": ci})
    assert terminal.end() == 3
    assert "model-key-missing" in terminal.shown or "there is no key for the model" in terminal.shown
    assert "is not shown" not in terminal.shown
    assert [request for request in cloud.requests() if request["mutates"]] == []


@pytest.mark.parametrize(
    ("option", "value", "path"),
    [
        ("--embedding-model", "text-embedding-3-large", "model.embedding"),
        ("--embedding-dimensions", "256", "model.dimensions"),
    ],
)
def test_the_embedding_model_is_fixed_after_the_first_up(
    memdeploy: Memdeploy, cloud: Rehearsed, option: str, value: str, path: str
) -> None:
    memdeploy(*UP)
    since = cloud.last_request()
    planned = memdeploy("plan", option, value, expect=3)
    [action] = [a for a in planned.data["actions"] if a["action"] == "forbidden"]
    assert action["changes"][0]["path"] == path
    assert (action["changes"][0]["effect"], str(action["changes"][0]["new"])) == ("forbidden", value)
    [error] = planned.json["errors"]
    assert (error["code"], error["step"]) == ("forbidden-change", "service")
    assert "would no longer be found" in error["message"]
    assert "Set it back to" in error["suggestion"]
    assert "another name" in error["suggestion"]
    assert memdeploy("up", "--yes", option, value, expect=3).json["errors"] == [error]
    assert [request for request in cloud.requests(since) if request["mutates"]] == []
    said = memdeploy("plan", option, value, expect=3, json_output=False)
    assert "! service  cannot change" in said.stdout
    assert "would no longer be found" in " ".join(said.stderr.split())


def test_a_file_with_another_embedding_model_keeps_nobody_from_looking_or_removing(
    memdeploy: Memdeploy, cloud: Rehearsed
) -> None:
    memdeploy(*UP)
    file = memdeploy.folder / "memdeploy.yaml"
    file.write_text("version: 1\nprovider: gcp\ngcp: {project: proj-1}\nmodel: {dimensions: 256}\n")
    memdeploy("plan", expect=3)
    assert memdeploy("status").data["health"] == "healthy"
    memdeploy("destroy", "--yes")
    memdeploy("up", "--yes", expect=3)  # what is kept has the vectors still


def test_the_provider_may_change_when_the_embedding_model_does_not(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    memdeploy(*UP, *MODEL, extra={"OPENAI_API_KEY": KEY})
    moved = ("--model-url", "http://127.0.0.1:9/other/v1", "--chat-model", "qwen3")
    changes = [c for a in memdeploy("plan", *moved).data["actions"] for c in a.get("changes", ())]
    assert {c["effect"] for c in changes} == {"in-place"}
    assert statuses(memdeploy, *moved)["service"] == "updated"
    assert stored(memdeploy, cloud) == ("1", KEY)
    [error] = memdeploy("plan", *BEDROCK, expect=3).json["errors"]
    assert "model.embedding cannot change" in error["message"]


def test_ollama_needs_a_url_and_no_key(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    named = ("--chat-model", "qwen3", "--embedding-model", "bge-m3", "--embedding-dimensions", "1024")
    up = memdeploy(*UP, "--model-provider", "ollama", "--model-url", "http://10.0.0.9:11434/v1", *named)
    assert "warnings" not in up.data
    told = environment(memdeploy, cloud)
    assert (told["MODEL_PROVIDER"], told["MODEL_API"]) == ("openai", "chat-completions")
    assert (told["MODEL_BASE_URL"], told["MODEL_EMBEDDING"]) == ("http://10.0.0.9:11434/v1", "bge-m3")
    assert stored(memdeploy, cloud) == ("1", "ollama")
    assert set(statuses(memdeploy).values()) == {"unchanged"}


def test_credentials_of_aws_are_one_secret(memdeploy: Memdeploy, cloud: Rehearsed, tmp_path: Path) -> None:
    """A rehearsal has no Bedrock behind it, and takes the offline model, unless the secret is the user's own."""
    cloud.ask("POST", ENABLE, {"serviceIds": ["secretmanager.googleapis.com"]})
    secrets = "/secretmanager/v1/projects/proj-1/secrets"
    cloud.until("POST", f"{secrets}?secretId=aws", {"replication": {"automatic": {}}})
    whole = json.dumps({"Version": 1, "AccessKeyId": "AKIA1", "SecretAccessKey": KEY})
    cloud.ask("POST", f"{secrets}/aws:addVersion", {"payload": {"data": base64.b64encode(whole.encode()).decode()}})
    memdeploy(*UP, *BEDROCK, "--model-key-secret", "aws")
    told = environment(memdeploy, cloud)
    assert (told["MODEL_PROVIDER"], told["MODEL_REGION"]) == ("amazon-bedrock", "us-east-1")
    assert stored(memdeploy, cloud) == ("1", whole)
