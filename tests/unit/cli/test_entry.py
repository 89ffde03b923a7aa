"""The process: help that loads nothing heavy, JSON for wrong lines, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from memdeploy.cli.app import build
from memdeploy.cli.entry import main
from memdeploy.cli.options import RUN_OPTIONS
from memdeploy.cli.signals import stops
from memdeploy.config.options import OPTIONS
from memdeploy.engine.cancel import CancelToken
from memdeploy.secret import Secret
from tests.support.cli import VALIDATOR

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


def commands() -> list[tuple[str, ...]]:
    top = [(str(command.name),) for command in build().registered_commands]
    return [*top, ("rehearsal", "serve"), ("rehearsal", "stop")]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_at_80_columns(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Every option names its variable, and nothing is wider than a terminal."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", "80")
        assert main([*words, "--help"]) == 0
    said = capsys.readouterr().out
    options = re.split(r"\n  (?=-)", said.partition("Options:")[2])[1:]
    assert [option for option in options if "[env" not in option and "--help" not in option] == []
    assert max(map(len, said.splitlines())) <= 80
    assert "[[" not in said


def test_the_list_of_commands_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", "80")
        main(["--help"])
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in build().registered_commands:
        assert main([str(command.name), "--help"]) == 0
    assert capsys.readouterr().err == ""


WRONG = {
    "up": "up --nonsense", "nonsense": "nonsense", "rehearsal stop": "rehearsal stop --nonsense",
    "rehearsal halt": "rehearsal halt", "logs": "logs --limit 0", "plan": "plan --file /nowhere/memdeploy.yaml",
    "history": "history one two", "version": "version now", "list": "list --state s3://bucket", "": "",
    "init": "init --project No", "outputs": "outputs --name No_Name", "verify": "verify --finish",
}  # fmt: skip


@pytest.mark.parametrize("by_variable", [False, True])
@pytest.mark.parametrize("command", WRONG)
def test_a_wrong_line_is_one_document_with_json(
    command: str, by_variable: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEMDEPLOY_STATE", raising=False)
    if by_variable:
        monkeypatch.setenv("MEMDEPLOY_JSON", "1")
    code = main(WRONG[command].split() + ([] if by_variable else ["--json"]))
    captured = capsys.readouterr()

    assert code == 2
    document = json.loads(captured.out)
    VALIDATOR.validate(document)
    assert document["command"] == command
    assert document["errors"][0]["message"]
    assert captured.err == ""


def test_a_wrong_line_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--nonsense"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--nonsense" in captured.err


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_what_fails_before_there_is_a_command_is_told_without_a_traceback(
    more: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken() -> None:
        raise RuntimeError(f"boom {Secret('c4nary-of-the-line').reveal()}")

    monkeypatch.setattr("memdeploy.cli.app.build", broken)
    monkeypatch.setattr("memdeploy.cli.crash.folder", lambda: tmp_path / "log")
    assert main(["plan", *more]) == 1
    told = capsys.readouterr()
    assert "memdeploy itself failed (RuntimeError)" in told.err + told.out
    (log,) = (tmp_path / "log").iterdir()
    assert "boom ***" in log.read_text()
    assert "c4nary" not in told.err + told.out + log.read_text()
    assert "Traceback" not in told.err + told.out
    assert not more or json.loads(told.out)["errors"][0]["code"] == "internal"


def test_a_file_that_cannot_be_read_is_not_taken_for_the_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken() -> None:
        (tmp_path / "not there").read_text()

    monkeypatch.setattr("memdeploy.cli.app.build", broken)
    monkeypatch.setattr("memdeploy.cli.crash.folder", lambda: tmp_path / "log")
    assert main(["plan"]) == 1
    told = capsys.readouterr().err
    assert "memdeploy itself failed (FileNotFoundError)" in told
    assert "output" not in told


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_working_folder_that_was_deleted_is_named(
    more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["list", *more]) == 2
    told = capsys.readouterr()
    assert "there is no working folder" in (json.loads(told.out)["errors"][0]["message"] if more else told.err)


@pytest.mark.parametrize("command", [("proxy",), ("rehearsal", "serve")])
@pytest.mark.parametrize("flag", ["--host", "--bind", "--address", "--listen"])
def test_no_server_of_ours_can_be_told_another_address(
    command: tuple[str, ...], flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, flag, "0.0.0.0"]) == 2
    assert f"No such option: {flag}" in capsys.readouterr().err


def test_python_dash_m() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "memdeploy", "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.startswith("memdeploy ")


@pytest.mark.usefixtures("hang_ups")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
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
