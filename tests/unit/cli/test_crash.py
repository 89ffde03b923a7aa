"""The log of a defect: what happened, in a file of the user's alone, without any secret that was alive."""

from __future__ import annotations

import base64
import gc
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from memdeploy.cli import crash
from memdeploy.errors import JournalError
from memdeploy.secret import Secret, generate
from tests.contract.product import canary
from tests.support.hostile import PRIVATE, careless, elsewhere, modes, untouched


def defect(value: str) -> Exception:
    """An error that quotes what it was given, as libraries' do."""
    try:
        raise ValueError(f"cannot parse {value!r} nor {base64.b64encode(value.encode()).decode()}")
    except ValueError as error:
        return error


def test_a_secret_that_no_list_has_is_left_out_too(tmp_path: Path) -> None:
    """A generated password, or one that was read back."""
    held = generate()
    log = crash.write(defect(held.reveal()), tmp_path / "logs", [], {}).read_text()
    assert canary.found(log.encode(), canary.forms("password", held.reveal())) == []
    assert "test_crash.py" in log
    assert "cannot parse" in log


def test_what_was_given_and_what_the_environment_holds_is_left_out(tmp_path: Path) -> None:
    for value, secrets, environ in (
        ("c4nary & key/1", [Secret("c4nary & key/1")], {}),
        ("c4nary & key/2", [], {"MY_API_KEY": "c4nary & key/2"}),
        ("postgres://ann:c4nary-3@db.example/x", [], {}),
    ):
        (tmp_path / value[-1]).mkdir()
        log = crash.write(defect(value), tmp_path / value[-1] / "logs", secrets, environ).read_text()
        assert "c4nary" not in log


def test_it_is_the_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    with careless():
        path = crash.write(defect("x"), tmp_path / "state" / "memdeploy" / "log", [], {})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(modes(tmp_path / "state").values()) == PRIVATE


def test_a_link_in_the_folders_place_is_not_followed(tmp_path: Path) -> None:
    precious = elsewhere(tmp_path / "elsewhere")
    (tmp_path / "log").symlink_to(precious)
    with pytest.raises(JournalError):
        crash.write(defect("x"), tmp_path / "log", [], {})
    assert untouched(precious)


def test_a_file_that_is_there_already_is_not_written_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name can be guessed."""
    monkeypatch.setattr(crash.time, "strftime", lambda *_: "20270101-000000")
    theirs = tmp_path / "theirs"
    theirs.write_text("as it was")
    (tmp_path / "log").mkdir()
    monkeypatch.setattr(crash, "_number", iter([7]))
    (tmp_path / "log" / f"crash-20270101-000000-{crash.os.getpid()}-7.log").symlink_to(theirs)
    with pytest.raises(FileExistsError):
        crash.write(defect("x"), tmp_path / "log", [], {})
    assert theirs.read_text() == "as it was"


def fatal(code: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """A process of memdeploy's that ends by a fault while it holds a secret; cores are wanted in its folder."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    given = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "CANARY": VALUE}
    return subprocess.run(
        [sys.executable, *more, "-c", f"{FAULT}\n{code}"], cwd=folder, capture_output=True, text=True, timeout=60,
        env={**given, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (most, most)),
    )  # fmt: skip


VALUE = "c4nary/held+when it ended"
FAULT = """
import os, signal, sys
from memdeploy import __main__
from memdeploy.cli import entry
from memdeploy.secret import Secret

def run(*_):
    held = os.environ.pop("CANARY")
    local = Secret(held), held.encode()
    end(held)
"""


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_a_fault_leaves_no_image_and_its_stack_no_value(tmp_path: Path, number: signal.Signals) -> None:
    """What faulthandler prints is where it was, and a core file would hold all of the memory."""
    code = f"end = lambda held: os.kill(os.getpid(), {number.value})\nentry.main = run\n__main__.main()"
    ended = fatal(code, tmp_path, "-X", "faulthandler")
    assert ended.returncode == -number
    assert "Fatal Python error" in ended.stderr
    assert left(tmp_path, ended) == []


def test_what_it_starts_leaves_none_either(tmp_path: Path) -> None:
    limit = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    code = f"import subprocess\nend = lambda held: subprocess.run([sys.executable, '-c', {limit!r}])\nentry.main = run"
    ended = fatal(f"{code}\n__main__.main()", tmp_path)
    assert ended.stdout.strip() == "0"


def left(folder: Path, ended: subprocess.CompletedProcess[str]) -> list[str]:
    """Where the value is found, in whatever dress."""
    wanted = canary.forms("the value", VALUE)
    return canary.in_files(folder, wanted) + canary.found((ended.stdout + ended.stderr).encode(), wanted)


@pytest.mark.parametrize("where", ["thread", "finalizer"])
def test_what_nobody_catches_is_logged_and_not_printed(
    tmp_path: Path, where: str, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[BaseException] = []

    class Finalized:
        def __del__(self) -> None:
            fail()

    def fail() -> None:
        held = generate().reveal()
        raise ValueError(f"cannot send {held!r}")

    with crash.unattended(told.append):
        if where == "thread":
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
        else:
            Finalized()
            gc.collect()
    assert [type(error) for error in told] == [ValueError]
    assert capfd.readouterr().err == ""
    assert "cannot send '***'" in crash.write(told[0], tmp_path / "log", [], {}).read_text()
