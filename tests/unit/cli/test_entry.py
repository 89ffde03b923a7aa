"""The process: help that loads nothing heavy, JSON for wrong lines, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from memdeploy.cli.app import build
from memdeploy.cli.entry import main
from memdeploy.cli.options import RUN_OPTIONS
from memdeploy.cli.signals import stops
from memdeploy.config.options import OPTIONS
from memdeploy.engine.cancel import CancelToken

HEAVY = (
    "google", "googleapiclient", "httplib2", "docker", "requests", "urllib3", "http.client", "cryptography", "pydantic",
    "rich", "yaml", "platformdirs", "memdeploy.lifecycle", "memdeploy.providers", "memdeploy.rehearsal",
)  # fmt: skip
_SHOW_MODULES = """
import sys
from memdeploy.cli.entry import main
code = main(sys.argv[1:])
print("\\n".join(["--modules--", *sys.modules]))
sys.exit(code)
"""


#: Typer itself reads a command's options with pydantic.
_BY_TYPER = ("pydantic",)


@pytest.mark.parametrize("line", [["--help"], ["up", "--help"], ["destroy", "-h"], ["--version"], ["version"]])
def test_help_loads_no_sdk_no_engine_no_http(line: list[str]) -> None:
    allowed = () if line[0].startswith("-") else _BY_TYPER
    found = subprocess.run(
        [sys.executable, "-c", _SHOW_MODULES, *line], capture_output=True, text=True, timeout=60, check=True
    )
    shown, _, modules = found.stdout.partition("--modules--")

    loaded = [m for m in modules.split() if any(m == h or m.startswith(f"{h}.") for h in HEAVY if h not in allowed)]
    assert shown.strip()
    assert loaded == []


def test_help_shows_every_option_with_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--help"]) == 0
    words = capsys.readouterr().out.replace("\n", " ")
    squeezed = words.replace(" ", "")

    for option in (*OPTIONS, *RUN_OPTIONS):
        assert option.flag in words
        assert option.env in squeezed


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in build().registered_commands:
        assert main([str(command.name), "--help"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("line", [["up", "--json", "--nonsense"], ["nonsense", "--json"], ["up", "--json", "--file"]])
def test_a_wrong_line_is_one_document_with_json(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main(line)
    captured = capsys.readouterr()

    assert code == 2
    assert json.loads(captured.out)["errors"][0]["code"] == "usage"
    assert captured.err == ""


def test_a_wrong_line_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--nonsense"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--nonsense" in captured.err


def test_python_dash_m() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "memdeploy", "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.startswith("memdeploy ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_sets_the_token_and_is_told(number: signal.Signals) -> None:
    token, told = CancelToken(), list[str]()
    heard = threading.Event()

    def tell(name: str) -> None:
        told.append(name)
        heard.set()

    before = signal.getsignal(number)
    with stops(token, tell):
        os.kill(os.getpid(), number)
        assert heard.wait(10)

    assert token.cancelled
    assert token.signal == number
    assert told == [number.name]
    assert signal.getsignal(number) is before


def test_without_a_signal_nothing_is_told() -> None:
    told: list[str] = []
    token = CancelToken()
    with stops(token, told.append):
        pass

    assert not token.cancelled
    assert told == []


_TWICE = """
import os, signal, sys
from memdeploy.cli.signals import stops
from memdeploy.engine.cancel import CancelToken
with stops(CancelToken(), lambda name: None):
    os.kill(os.getpid(), signal.{0})
    os.kill(os.getpid(), signal.{0})
    sys.exit(99)
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_second_signal_leaves_at_once(name: str, code: int) -> None:
    found = subprocess.run([sys.executable, "-c", _TWICE.format(name)], timeout=60, check=False)

    assert found.returncode == code
