"""Who is unlocked: a holder that is certainly gone, and one that somebody says is gone; never by --yes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memdeploy.errors import ExitCode
from memdeploy.lifecycle.history import history
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result
from memdeploy.lifecycle.unlock import unlock
from memdeploy.state.deployments import Deployments, Place
from memdeploy.state.lease import Leases
from memdeploy.state.objects import FolderObjects
from memdeploy.state.process import this_process


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Deployments(tmp_path).create("toys", provider="gcp", identity={}, binding="real", configuration={})


@pytest.fixture
def held(place: Place) -> Iterator[Place]:
    with place.acquire("up"):
        yield place


def ask(place: Place, **more: Any) -> Result:
    return unlock(Request(command="unlock", name="toys", state=str(place.folder.parent), **more), lambda event: None)


def test_nobody_holds_it(place: Place) -> None:
    found = ask(place)
    assert (found.exit_code, found.data["holder"], found.data["unlocked"]) == (0, None, False)


@pytest.mark.parametrize("yes", [False, True])
def test_a_living_holder_is_shown_and_stays(held: Place, yes: bool) -> None:
    found = ask(held, yes=yes)
    assert found.exit_code == ExitCode.ANSWER_NEEDED
    assert found.errors[0]["code"] == "holder-may-live"
    assert "--holder-is-gone" in found.errors[0]["suggestion"]
    assert found.data["holder"]["pid"] == this_process().pid
    assert (found.data["holder"]["command"], found.data["holder"]["standing"]) == ("up", "holding")
    assert held.leases().holder() is not None


@pytest.mark.parametrize(
    ("answer", "code"), [(lambda text: True, ExitCode.DONE), (lambda text: False, ExitCode.LOCKED)]
)
def test_at_a_terminal_it_asks(held: Place, answer: Callable[[str], bool], code: ExitCode) -> None:
    found = ask(held, interactive=True, confirm=answer)
    assert found.exit_code == code
    assert (held.leases().holder() is None) == (code == ExitCode.DONE)


def test_what_was_freed_stands_in_the_history(held: Place) -> None:
    assert ask(held).exit_code == ExitCode.ANSWER_NEEDED
    assert history(str(held.folder.parent), "toys", None).data["runs"] == [], "nothing was changed"
    ask(held, holder_is_gone=True)
    (run,) = history(str(held.folder.parent), "toys", None).data["runs"]
    assert (run["command"], run["status"], run["exit_code"]) == ("unlock", "success", 0)
    assert run["by"] == held.leases().who


def test_without_room_for_a_log_it_is_freed_all_the_same(held: Place) -> None:
    (held.folder / "runs").write_text("in the way")
    assert ask(held, holder_is_gone=True).data["unlocked"] is True


def test_whoever_says_that_it_is_gone_is_believed(held: Place) -> None:
    assert ask(held, holder_is_gone=True).data["unlocked"] is True
    assert held.leases().holder() is None


def test_of_a_damaged_lease_somebody_has_to_know(place: Place) -> None:
    FolderObjects(place.folder).write("lease", b"{", expect=None)
    found = ask(place)
    assert (found.exit_code, found.data["holder"]) == (ExitCode.ANSWER_NEEDED, {"standing": "damaged"})
    assert ask(place, holder_is_gone=True).data["unlocked"] is True
    place.acquire("up").release()


def test_a_holder_whose_process_has_ended_is_unlocked_at_once(place: Place) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait(30)
    gone = replace(this_process(), pid=child.pid)
    lease = Leases(FolderObjects(place.folder), "toys", here=gone).acquire("up")
    found = ask(place)
    assert (found.data["unlocked"], found.data["holder"]["standing"]) == (True, "gone")
    lease.release()


def test_the_journal_need_not_be_readable(held: Place) -> None:
    (held.folder / "journal.1.json").write_bytes(b"")
    assert ask(held, holder_is_gone=True).data["unlocked"] is True
