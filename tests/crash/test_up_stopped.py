"""Ctrl-C and SIGTERM in the middle of `up`: recorded, said, and gone on with."""

from __future__ import annotations

import signal
from itertools import takewhile
from pathlib import Path

import pytest

from tests.crash.product import UP, Undisturbed, World, ended, until, world

#: The database is made for two seconds, so that there is a middle.
LONG = "slow@sql.instances.insert=1x"


def asked_for_a_database(disturbed: World) -> bool:
    return any(r["method"] == "POST" and r["path"].endswith("/instances") for r in disturbed.cloud.requests())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
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
