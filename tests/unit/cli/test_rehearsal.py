"""`memdeploy rehearsal` as processes and as documents."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from memdeploy.cli.entry import main


def test_served_until_it_is_told_to_stop(tmp_path: Path) -> None:
    line = ["rehearsal", "serve", "--provider", "gcp", "--backing", "none", "--state", str(tmp_path / "r")]
    with subprocess.Popen([sys.executable, "-m", "memdeploy", *line], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        with urllib.request.urlopen(f"{ready['endpoint']}/_rehearsal/health", timeout=30) as answer:
            health = json.load(answer)
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)

    assert health == {"provider": "gcp", "id": ready["id"], "ready": True}


def test_a_second_server_in_one_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["rehearsal", "serve", "--backing", "none", "--state", str(tmp_path)]
    with subprocess.Popen([sys.executable, "-m", "memdeploy", *line], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            assert main(line) == 1
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)

    assert "another rehearsal server works here" in capsys.readouterr().err


def test_stop_without_a_server_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearsal", "stop", "--json", "--state", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["stopped"] is False


def test_another_provider_is_not_in_this_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearsal", "serve", "--provider", "aws"]) == 2
    assert "not in this version" in capsys.readouterr().err
