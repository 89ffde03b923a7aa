"""What is there decides what is done: one that runs, starts, hangs, or is gone."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from memdeploy import secret
from memdeploy.engine.step import State
from memdeploy.providers.base import LogQuery
from memdeploy.providers.local.embedded import layout, variables
from memdeploy.providers.local.embedded.cloud import Embedded
from memdeploy.providers.local.embedded.daemon import Live
from memdeploy.providers.local.embedded.process import Found
from memdeploy.providers.local.embedded.service import Service
from memdeploy.providers.local.vault import FileVault
from memdeploy.secret import Secret
from tests.unit.providers.local.embedded.support import scope


@pytest.mark.parametrize(
    ("alive", "answers", "age", "state"),
    [
        (True, True, 5.0, State.PRESENT),
        (True, True, 9000.0, State.PRESENT),
        (True, False, 5.0, State.PENDING),
        (True, False, 9000.0, State.BROKEN),
        (False, False, 5.0, State.BROKEN),
        (False, False, 9000.0, State.BROKEN),
    ],
)
def test_its_condition(tmp_path: Path, alive: bool, answers: bool, age: float, state: State) -> None:
    found = Found(alive, 4711, {}, time.time() - age)
    condition = Service(scope(tmp_path)).condition(Live(found, answers))
    assert condition.state is state
    assert (condition.reason is not None) == (state is State.BROKEN)


def test_one_that_has_not_said_its_number_yet_is_starting(tmp_path: Path) -> None:
    assert Service(scope(tmp_path)).condition(Live(Found(True), False)).state is State.PENDING


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/v2/health" else 404)
        self.end_headers()

    def log_message(self, *about: Any) -> None:
        """Nobody reads it."""


def test_another_port_that_is_wanted_is_not_asked_of_the_one_that_runs(tmp_path: Path) -> None:
    """It answers where it was told to: else it would be taken for one that starts, and waited for."""
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        service = Service(scope(tmp_path, local={"port": 1024}))
        service.pid_file.parent.mkdir(parents=True)
        facts = {"environment": {"PORT": str(server.server_port)}}
        service.pid_file.write_text(json.dumps({"pid": 4711, "started": time.time(), "facts": facts}))
        assert service.answers()
        service.pid_file.write_text(json.dumps({"pid": 4711, "started": time.time(), "facts": {}}))
        assert not service.answers(), "one that has not said where"
        server.shutdown()


@pytest.mark.parametrize(("step", "code"), [("service", "service-not-running"), ("model", "model-not-running")])
def test_status_says_which_one_is_gone_and_what_it_said_last(tmp_path: Path, step: str, code: str) -> None:
    place = scope(tmp_path)
    layout.logs(place).mkdir(parents=True)
    layout.log(place, step).write_text("one\nits last words\n")
    error = Embedded(place).why(step, {})
    assert error is not None
    assert (error.code, error.where, error.details) == (code, step, ("one", "its last words"))
    assert Embedded(place).why("folder", {}) is None


def test_the_toy_is_told_where_it_answers_and_only_there(tmp_path: Path) -> None:
    assert "a toy" in Embedded(scope(tmp_path)).warnings()[0]
    assert Embedded(scope(tmp_path, model={"provider": "openai"})).warnings() == ()


def test_with_a_provider_of_models_there_is_no_process_for_one(tmp_path: Path) -> None:
    offline, keyed = Embedded(scope(tmp_path)).graph(), Embedded(scope(tmp_path, model={"provider": "openai"})).graph()
    assert set(offline.order()) - set(keyed.order()) == {"model"}
    assert "model_url" not in keyed["service"].inputs
    assert [step.name for step in offline if step.permanent] == ["python", "environment"]
    assert [(step.name, step.keeps) for step in offline if step.holds_data] == [("data", ("folder", "secret.model"))]


def test_what_decides_how_it_runs_holds_no_secret(tmp_path: Path) -> None:
    """It is written into the pid file and compared with it; a new version of the key is a difference."""
    key = {"secret": "key", "version": "3"}
    place = scope(tmp_path, model={"provider": "openai", "base_url": "http://127.0.0.1:9/v1"})
    found = variables.of_service(place, {"nltk": "/nltk", "key": key})
    assert found["MODEL_API_KEY"] == key
    assert (found["HOST"], found["PORT"], found["MODEL_API"]) == ("127.0.0.1", "8080", "chat-completions")
    assert found["LOCAL_ONLY"] == "yes"
    assert "MODEL_REGION" not in found


def test_a_process_sees_the_way_out_and_nothing_else_of_the_users(tmp_path: Path) -> None:
    given = {
        "HTTPS_PROXY": "http://proxy", "no_proxy": "corp.example", "SSL_CERT_FILE": "/ca", "HOME": "/home/me",
        "PATH": "/mine", "OPENAI_API_KEY": "sk-1", "LD_PRELOAD": "x", "PYTHONPATH": "y",
    }  # fmt: skip
    found = variables.around(scope(tmp_path), given)
    assert found["HTTPS_PROXY"] == "http://proxy"
    assert found["NO_PROXY"] == found["no_proxy"] == "corp.example,127.0.0.1,localhost"
    assert found["HOME"].startswith(str(tmp_path))
    assert "/mine" not in found["PATH"]
    assert not {"OPENAI_API_KEY", "LD_PRELOAD", "PYTHONPATH"} & set(found)


@pytest.mark.parametrize("held", [True, False], ids=["in this run", "by a later run"])
def test_its_last_words_and_its_log_are_told_without_its_key(
    tmp_path: Path, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model's provider repeats a key that it refuses, and MemMachine writes down what it said."""
    key = "c4nary-key/of the model"
    place = scope(tmp_path, model={"provider": "openai"})
    vault = FileVault(place.folder, "key")
    vault.create({})
    vault._add(Secret(key))
    monkeypatch.setattr(secret, "_held", {key: None} if held else {})
    layout.logs(place).mkdir(parents=True)
    layout.log(place, "service").write_text(f"Incorrect API key provided: {key}\nit ended\n")
    error = Embedded(place).why("service", {})
    shown = Embedded(place).logs(LogQuery("service", limit=5))
    assert error is not None
    assert error.details == tuple(line.text for line in shown) == ("Incorrect API key provided: ***", "it ended")
