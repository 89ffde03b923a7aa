"""The embedded runtime with the real MemMachine from PyPI: no engine is asked, all of it runs as plain processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from memdeploy.engine.crash import VARIABLE
from memdeploy.memmachine import offline_model
from tests.e2e import pages
from tests.e2e.embedded import UP, Home, a_python, is_open
from tests.support.waiting import wait_for

README = Path(__file__).resolve().parents[2] / "README.md"
SERVER, MODEL = "server.py", "offline_model.py"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    a_python()
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def home(tmp_path: Path, cache: Path) -> Iterator[Home]:
    """Whatever a test leaves running ends with it."""
    made = Home(tmp_path, cache)
    yield made
    if (tmp_path / "state" / "memmachine").exists():
        for pid in made.processes():
            os.kill(pid, signal.SIGKILL)


def test_a_newcomers_first_minutes(home: Home, cache: Path) -> None:
    """As the README tells it, and afterwards nothing is left but what it names."""
    before = home.files()

    data = home.up()
    assert data["verified"] == "real"
    assert "offline model is a toy" in data["warnings"][0]
    ports = home.listening()
    assert [host for host, _ in ports] == ["127.0.0.1", "127.0.0.1"], "MemMachine and the model, on loopback only"
    stored, found = [_sh(line) for line in _readme_lines(home.url)]
    assert stored["results"][0]["uid"]
    assert "blue flowerpot" in json.dumps(found)
    assert pages.let_in(home.url) == []
    assert pages.from_here(home.url) == 200

    status = home.memdeploy("status").data
    assert status["health"] == "healthy"
    assert {step["state"] for step in status["steps"]} == {"present"}
    _logs(home)
    exported = home.memdeploy("outputs", "--env", json_output=False).stdout
    assert f"export MEMMACHINE_URL={home.url}\n" in exported
    assert home.memdeploy("verify").data["verified"] == "real"

    marker = home.id
    home.memdeploy("destroy", "--yes", "--delete-data")
    assert home.processes(marker) == {}
    assert not [port for _, port in ports if is_open(port)]
    left = {name for name in home.files() - before if not name.startswith("state")}
    assert left <= {".local", ".local/share", ".local/state"}, "no more than folders that any program makes"
    assert [path.name for path in (cache / "memdeploy").iterdir()] == ["environments"]


def _logs(home: Home) -> None:
    lines = home.memdeploy("logs", "service", "--limit", "1000").data["lines"]
    assert any("Uvicorn running on http://127.0.0.1" in line["text"] for line in lines)
    assert all(line["at"] for line in lines if re.match(r"\d{4}-", line["text"]))
    assert len({line["id"] for line in lines}) == len(lines)
    worse = home.memdeploy("logs", "service", "--level", "error").data["lines"]
    assert not any("Uvicorn running" in line["text"] for line in worse)
    assert home.memdeploy("logs", "--since", "2099-01-01T00:00").data["lines"] == []
    assert any("/v1/embeddings" in line["text"] for line in home.memdeploy("logs", "model").data["lines"])
    said = home.memdeploy("logs", "neo4j", expect=2).json["errors"][0]
    assert "keeps memories in files" in said["message"]


def test_memories_outlive_whatever_happens_to_the_processes(home: Home) -> None:
    home.up()
    first = home.url
    for number in range(12):
        home.store(f"Shelf {number} holds the atlas of {number} rivers.")

    home.kill(SERVER)
    wait_for(lambda: not _answers(first))
    unwell = home.memdeploy("status", expect=7)
    assert unwell.json["errors"][0]["code"] == "service-not-running"
    assert home.memdeploy("plan").data["counts"]["change"] == 1
    home.up()
    assert home.url == first
    assert len([text for text in home.find("the atlas of rivers") if "atlas" in text]) == 12

    # As after a restart of the machine: nothing runs, and somebody else has the number by now.
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        for pid in home.processes():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not home.processes())
        for name in ("service", "model"):
            path = home.own / "run" / f"{name}.pid"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": stranger.pid}))
        home.up()
        assert len(home.processes()) == 2
        home.memdeploy("destroy", "--yes")
        assert stranger.poll() is None, "nobody else's process was ended"
    finally:
        stranger.kill()
        stranger.wait()

    assert home.processes() == {}
    assert not _answers(first)
    home.up()
    assert len([text for text in home.find("the atlas of rivers") if "atlas" in text]) == 12
    assert home.up()["seconds"] < 30, "a second `up` has nothing to do"


#: One after the other in every run, so that each goes further than the one before.
MOMENTS = (
    "after-call:folder:create", "after-call:model:create", "after-call:prepare:ask", "after-intent:service:create",
    "after-call:service:create",
)  # fmt: skip


def test_an_up_that_is_killed_goes_on_from_there(home: Home) -> None:
    """At any moment, the start of a process included: what it began is found again, and there is one of each."""
    for moment in MOMENTS:
        home.memdeploy(*UP, expect=-signal.SIGKILL, extra={VARIABLE: moment})
    home.up()
    assert sorted(_program(line) for line in home.processes().values()) == [MODEL, SERVER]
    home.store("The ferry leaves at noon.")

    home.memdeploy("destroy", "--yes", expect=-signal.SIGKILL, extra={VARIABLE: "after-call:service:delete"})
    home.memdeploy("destroy", "--yes")
    assert home.processes() == {}
    home.up()
    assert "The ferry leaves at noon." in home.find("When does the ferry leave?")


def test_a_key_is_in_its_secret_and_in_the_servers_environment_alone(home: Home, tmp_path: Path) -> None:
    """Beside another deployment, with a provider of the user's own. That its key is used shows in a rejected one."""
    canary, wrong = "sk-canary-5bd1f0", "rejected-canary-5bd1f0"
    with Provider(tmp_path) as base:
        keyed = Home(
            tmp_path, home.cache,
            {"OPENAI_API_KEY": wrong, "MEMDEPLOY_MODEL_BASE_URL": base, "MEMDEPLOY_MODEL_API": "responses"},
        )  # fmt: skip
        refused = keyed.up(expect=1)["errors"][0]
        assert (refused["code"], refused["step"]) == ("model-key", "prepare")
        keyed.environment = {**keyed.environment, "OPENAI_API_KEY": canary}
        assert "warnings" not in keyed.up()
        keyed.store("The lamp is in the attic.")
        assert "The lamp is in the attic." in keyed.find("Where is the lamp?")

        assert {_program(line) for line in keyed.processes().values()} == {SERVER}, "the offline model is not needed"
        for secret in (canary, wrong):
            assert [name for name in keyed.holding(secret) if not name.endswith("secrets/key.json")] == []
            assert not any(secret in line for line in keyed.processes().values())
        variables = Path(f"/proc/{keyed.pid(SERVER)}/environ").read_text().split("\0")
        assert [name.partition("=")[0] for name in variables if canary in name] == ["MEMDEPLOY_MODEL_API_KEY"]
        assert not [name for name in variables if name.startswith(("AWS_", "GITHUB_", "XDG_"))]
        _what_is_under_way_is_answered(keyed, tmp_path)
        assert oct((keyed.own / "secrets/key.json").stat().st_mode & 0o777) == "0o600"
        assert oct(keyed.own.stat().st_mode & 0o777) == "0o700"


def _what_is_under_way_is_answered(home: Home, folder: Path) -> None:
    """Whoever stops it waits for what it has begun."""
    (folder / "delay").write_text("3")
    with ThreadPoolExecutor(1) as pool:
        storing = pool.submit(home.store, "The tide turns at nine.")
        wait_for(lambda: "holding" in (folder / "model.log").read_text())
        home.memdeploy("destroy", "--yes")
        assert storing.exception() is None
    (folder / "delay").unlink()


def test_one_that_hangs_is_told_and_started_again(home: Home) -> None:
    """It runs and answers nobody: its process is stopped, and its start is long ago."""
    home.up()
    home.store("The well is behind the barn.")
    hung = home.pid(SERVER)
    os.kill(hung, signal.SIGSTOP)
    path = home.own / "run" / "service.pid"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"started": 0}))
    assert home.memdeploy("status", expect=7).json["errors"][0]["code"] == "service-silent"
    os.kill(hung, signal.SIGCONT)  # else its end would take as long as it is waited for
    os.kill(hung, signal.SIGKILL)
    home.up()
    assert home.pid(SERVER) != hung
    assert "The well is behind the barn." in home.find("Where is the well?")


def test_two_live_side_by_side_and_a_port_that_is_taken_is_refused(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = home.up("--local-port", port, expect=3)["errors"][0]
        assert refused["code"] == "port-taken"
    one = home.up("--name", "one")["url"]
    two = home.up("--name", "two")["url"]
    try:
        assert one != two
        assert _answers(one)
        assert _answers(two)
        home.memdeploy("destroy", "--name", "one", "--yes", "--delete-data")
        assert _answers(two)
    finally:
        for name in ("one", "two"):
            home.memdeploy("destroy", "--name", name, "--yes", "--delete-data", expect=None)


def test_a_backup_lives_again_under_another_name(home: Home, tmp_path: Path) -> None:
    """Also what was stored after a server that was killed: the archive holds databases and index that fit together."""
    home.up()
    for number in range(8):
        home.store(f"Pier {number} lends {number} lanterns.")
    home.kill(SERVER)
    home.up()
    home.store("Pier 8 lends 8 lanterns.")
    total = home.memdeploy("verify", "--data").data["data"]["total"]
    assert (total["stored"], total["searchable"], total["half"]) == (9, 9, 0)
    saved = home.memdeploy("backup", "--yes", "--to", str(tmp_path / "saved.tar")).data
    assert saved["holds"]["total"]["stored"] == 9
    assert _answers(home.url), "it answers again"
    home.memdeploy("destroy", "--yes", "--delete-data")

    home.memdeploy("restore", str(tmp_path / "saved.tar"), "--name", "again", "--yes")
    found = Home(home.folder, home.cache, name="again")
    try:
        assert len([text for text in found.find("piers that lend lanterns") if "lanterns" in text]) == 9
    finally:
        home.memdeploy("destroy", "--name", "again", "--yes", "--delete-data")


# -- what the tests look with ----------------------------------------------------------------------------------------


def _readme_lines(url: str) -> list[str]:
    """The two that store and find a memory, whole, for this deployment's port."""
    block = re.search(r"^    curl .*?(?=^$)", README.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    lines = re.split(r"^    (?=curl )", block[0], flags=re.MULTILINE)
    return [line.replace("http://127.0.0.1:8080", url) for line in lines if line]


def _sh(line: str) -> dict[str, object]:
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=True)
    return dict(json.loads(done.stdout))


def _program(line: str) -> str:
    return next(word for word in (SERVER, MODEL, "serve.py", "launch.py") if word in line)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/v2/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False


class Provider:
    """Somebody else's model, at an address of this machine. A file `delay` in `folder` holds its answers back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        line = [sys.executable, offline_model.__file__, str(port), "127.0.0.1"]
        environ = {**os.environ, "OFFLINE_MODEL_DELAY_FILE": str(self.folder / "delay")}
        with (self.folder / "model.log").open("w") as log:
            self.process = subprocess.Popen(line, stderr=log, env=environ)
        wait_for(lambda: is_open(port))
        return f"http://127.0.0.1:{port}/v1"

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def test_a_lost_journal_is_named_written_anew_and_every_memory_is_there(home: Home) -> None:
    home.up()
    home.store("The lamplighter keeps matches in a tin.")
    marker = home.id
    shutil.rmtree(home.memdeploy.state / home.name)
    assert home.up(expect=3)["errors"][0]["code"] == "journal-lost"
    recovered = home.memdeploy("recover", "--name", home.name, "--provider", "local", "--runtime", "embedded").data
    assert {"folder", "data", "service"} <= {one["step"] for one in recovered["recovered"]}
    asked = home.memdeploy("destroy", "--yes", "--delete-data", expect=4).json["errors"][0]
    assert asked["code"] == "confirm-needed"
    home.up()
    assert "The lamplighter keeps matches in a tin." in home.find("Who keeps matches in a tin?")
    home.memdeploy("destroy", "--yes", "--delete-data")
    assert not home.processes(marker)
