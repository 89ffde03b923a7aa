"""Ctrl-C, SIGTERM and a closed terminal in the middle of `up`: recorded, said, and gone on with."""

from __future__ import annotations

import signal
from itertools import takewhile
from pathlib import Path

import pytest

from tests.crash.product import LONG, UP, Undisturbed, asked_for_a_database, ended, until, world
from tests.support.terminal import Terminal

pytestmark = pytest.mark.usefixtures("hang_ups")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_the_first_signal_stops_gently(tmp_path: Path, undisturbed: Undisturbed, number: int, code: int) -> None:
    with world(tmp_path, faults=LONG) as disturbed:
        running = disturbed.memdeploy.start(*UP)
        until(lambda: asked_for_a_database(disturbed), "request for a database")
        running.send_signal(number)
        stopped = ended(running)
        assert stopped.code == code, (stopped.stdout, stopped.stderr)
        told = stopped.json
        assert (told["exit_code"], told["errors"][0]["code"]) == (code, "interrupted")
        assert "memdeploy up" in told["errors"][0]["suggestion"]
        assert disturbed.memdeploy.journal()["status"] == "failed"
        again = disturbed.memdeploy(*UP)
        assert again.data["resumed"] is True
        undisturbed.check(disturbed)


def test_a_terminal_that_is_closed_stops_it_gently(tmp_path: Path, undisturbed: Undisturbed) -> None:
    with world(tmp_path, faults=LONG) as disturbed:
        user = disturbed.memdeploy
        line = [*UP, "--state", str(user.state)]
        terminal = Terminal.start(line, user.folder, user.environ())
        until(lambda: asked_for_a_database(disturbed), "request for a database")
        assert terminal.close() == 143
        assert user.journal()["status"] == "failed"
        assert user("history").data["runs"][0]["exit_code"] == 143
        assert user(*UP).data["resumed"] is True
        undisturbed.check(disturbed)


def test_a_terminal_that_is_closed_has_answered_no(tmp_path: Path) -> None:
    with world(tmp_path) as untouched:
        user = untouched.memdeploy
        environment = {name: value for name, value in user.environ().items() if name != "CI"}
        terminal = Terminal.start([*UP[:1], *UP[2:], "--state", str(user.state)], user.folder, environment)
        terminal.until("[y/N]")
        assert terminal.close() in (1, 143)  # by what is seen first: the signal, or that nobody can be told the plan
        assert untouched.cloud.inventory() == []
        assert list(user.state.iterdir()) == []


def test_a_signal_while_only_looking_has_its_own_exit_code(tmp_path: Path) -> None:
    with world(tmp_path, faults="503@serviceusage.*=100x") as disturbed:
        running = disturbed.memdeploy.start(*UP)
        until(lambda: bool(disturbed.cloud.requests()), "request")
        running.send_signal(signal.SIGTERM)
        stopped = ended(running)
        assert stopped.code == 143, (stopped.stdout, stopped.stderr)
        assert stopped.json["exit_code"] == 143
        assert not (disturbed.memdeploy.state / "memmachine").exists()


def test_the_second_signal_leaves_at_once(tmp_path: Path, undisturbed: Undisturbed) -> None:
    with world(tmp_path, faults=LONG) as disturbed:
        running = disturbed.memdeploy.start(*UP, json_output=False)
        until(lambda: asked_for_a_database(disturbed), "request for a database")
        disturbed.cloud.process.send_signal(signal.SIGSTOP)  # a call in flight that nobody answers
        try:
            running.send_signal(signal.SIGTERM)
            said = list(takewhile(lambda line: not line.startswith("stopping"), running.stderr))
            running.send_signal(signal.SIGTERM)
            running.wait(20)
        finally:
            disturbed.cloud.process.send_signal(signal.SIGCONT)
            running.kill()
        assert running.returncode == 143, said
        running.communicate()
        disturbed.memdeploy(*UP)
        undisturbed.check(disturbed)
