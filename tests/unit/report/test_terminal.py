"""Which way of showing fits; the envelope; the file of events."""

from __future__ import annotations

import io
import json
import unicodedata
from pathlib import Path
from types import MappingProxyType

import pytest

from memdeploy.engine.events import EventKind
from memdeploy.lifecycle.result import Result
from memdeploy.report import envelope, terminal
from memdeploy.report.eventfile import EventFile
from memdeploy.report.plain import PlainLines
from memdeploy.report.results.outputs import exports
from tests.unit.report.samples import event, run_so_far


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "as_json", "expected"),
    [
        (Terminal(), {"TERM": "xterm"}, False, "live"),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False, "live"),
        (Terminal(), {"TERM": "xterm", "CI": "false"}, False, "live"),
        (Terminal(), {"TERM": "xterm", "CI": "true"}, False, "plain"),
        (Terminal(), {"TERM": "dumb"}, False, "plain"),
        (Terminal(), {}, False, "plain"),
        (io.StringIO(), {"TERM": "xterm"}, False, "plain"),
        (Terminal(), {"TERM": "xterm"}, True, "none"),
    ],
)
def test_how_it_is_shown(stream: io.StringIO, environ: dict[str, str], as_json: bool, expected: str) -> None:
    assert terminal.choose(stream, environ, as_json=as_json) == expected


def test_no_color_takes_the_colours() -> None:
    coloured, plain = Terminal(), Terminal()
    for stream, environ in ((coloured, {"TERM": "xterm"}), (plain, {"TERM": "xterm", "NO_COLOR": "1"})):
        terminal.put(terminal.console(stream, environ, width=80), [_red()])

    assert "\x1b[31m" in coloured.getvalue()
    assert "\x1b[31m" not in plain.getvalue()


def _red() -> object:
    from rich.text import Text

    return Text("red", style="red")


def test_the_envelope_is_one_document() -> None:
    result = Result("up", "partial", 1, {"url": None}, [{"code": "x", "message": "ü"}])

    assert json.loads(envelope.dumps(result)) == {
        "version": 1,
        "command": "up",
        "status": "partial",
        "exit_code": 1,
        "data": {"url": None},
        "errors": [{"code": "x", "message": "ü"}],
    }


def test_events_are_appended_as_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"kind":"earlier"}\n')
    record = EventFile(path)
    for one in run_so_far():
        record(one)
    record(event(EventKind.NOTICE, 99, text="x", odd=MappingProxyType({"a": 1}), path=tmp_path))
    record.close()

    kinds = [json.loads(line)["kind"] for line in path.read_text().splitlines()]

    assert kinds == ["earlier", *(str(one.kind) for one in run_so_far()), "notice"]


ODD = "\x1b[31m \x9b2J \x7f \u202e \u2028 \ud83d é 🙂"


def test_json_holds_every_character_and_none_that_a_terminal_acts_on(tmp_path: Path) -> None:
    """A line of a log that was cut in the middle of a pair is no reason to fail, either."""
    text = envelope.dumps(Result("logs", "success", data={"lines": [ODD]}))
    record = EventFile(tmp_path / "events.jsonl")
    record(event(EventKind.NOTICE, 1, text=ODD))
    record.close()
    line = (tmp_path / "events.jsonl").read_text(encoding="utf-8")
    assert (json.loads(text)["data"]["lines"], json.loads(line)["data"]["text"]) == ([ODD], ODD)
    for written in (text, line):
        assert [c for c in written if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl")] == []
        assert "é 🙂" in written


@pytest.mark.parametrize(("command", "later"), [("up", True), ("destroy", True), ("status", False), (None, False)])
def test_only_what_changes_something_is_said_to_go_on(command: str | None, later: bool) -> None:
    """`proxy` and `logs` begin no run, so nobody has said what they are when they are stopped."""
    said: list[str] = []
    sink = PlainLines(said.append)
    if command:
        sink(event(EventKind.RUN_STARTED, 0, command=command, steps=[]))
    sink(event(EventKind.STOPPING, 1, signal="SIGINT"))
    assert said[-1].startswith("stopping")
    assert (f"`memdeploy {command}` continues later" in said[-1]) is later
    assert ("continues" in said[-1]) is later


def test_quiet_lines_are_notices_and_failures_only() -> None:
    said: list[str] = []
    sink = PlainLines(said.append, quiet=True)
    for one in run_so_far():
        sink(one)
    sink(event(EventKind.NOTICE, 20, text="look \x1b[2J here", level="warning"))
    sink(event(EventKind.STEP_FAILED, 21, "postgres", code="quota", message="none left", suggestion="", seconds=1.0))

    assert said == ["warning: look here", "postgres: failed (quota): none left"]


def test_progress_is_not_repeated_and_not_too_often() -> None:
    said: list[str] = []
    sink = PlainLines(said.append)
    for at, text in ((0, "one"), (1, "two"), (20, "two"), (30, "two"), (36, "three")):
        sink(event(EventKind.STEP_PROGRESS, at, "postgres", text=text))

    assert said == ["postgres: one", "postgres: two", "postgres: three"]


def test_exports_survive_a_shell() -> None:
    data = {"outputs": {"url": "https://x", "odd name": "a'b $(id)", "none": None}}

    assert exports(data).splitlines() == [
        "export MEMMACHINE_URL=https://x",
        "export MEMMACHINE_ODD_NAME='a'\"'\"'b $(id)'",
    ]
