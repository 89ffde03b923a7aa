"""The detached server as a process: what it inherits, and who may read what it leaves."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from memdeploy.rehearsal import process, users
from memdeploy.rehearsal.files import RECORD


def test_the_server_inherits_no_key_whatever_its_variable_is_called() -> None:
    environ = {
        "PATH": "/usr/bin",
        "DOCKER_HOST": "unix:///run/docker.sock",
        "LC_ALL": "C.UTF-8",
        "OPENAI_API_KEY": "sk-one",
        "MY_MODEL": "sk-two",
        "MEMDEPLOY_GCP_TOKEN_FILE": "/somewhere",
    }
    assert set(process.passed_on(environ)) == {"PATH", "DOCKER_HOST", "LC_ALL"}


def test_folders_it_has_to_make_are_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "canary")
    tmp_path.chmod(0o755)
    folder = tmp_path / "state" / "_rehearsal" / "gcp"
    started = process.start(folder, time_scale=0.001)
    try:
        environment = Path(f"/proc/{started.pid}/environ")
        assert not environment.exists() or b"canary" not in environment.read_bytes()
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent, folder.parent.parent)]
        assert modes == [0o700] * 3
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    finally:
        process.stop(folder)


def test_of_several_who_start_it_at_once_one_does(tmp_path: Path) -> None:
    try:
        with ThreadPoolExecutor(3) as pool:
            assert len({started.pid for started in pool.map(process.start, [tmp_path] * 3)}) == 1
    finally:
        process.stop(tmp_path)


def test_whoever_waited_for_its_end_holds_the_new_folder_and_not_the_old_one(tmp_path: Path) -> None:
    folder, begun = tmp_path / "gcp", threading.Event()

    def use() -> bool:
        with users.using(folder):
            begun.set()
            with users.unused(folder) as alone:
                return alone

    with ThreadPoolExecutor(1) as pool:
        with users.using(folder) as ending:
            assert ending.ended_as_last()
            later = pool.submit(use)
            assert not begun.wait(0.1)
            shutil.rmtree(folder)
        assert later.result(20) is False


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux tells what a process runs")
def test_whoever_has_the_number_of_a_server_that_crashed_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (tmp_path / RECORD).write_text(json.dumps({"pid": stranger.pid, "endpoint": "http://127.0.0.1:1"}))
        process.stop(tmp_path)
        assert stranger.poll() is None
        stranger.communicate(b"\n", timeout=20)
        assert stranger.returncode == 0
