"""A journal that is damaged, lost or somebody else's: named, never taken for empty, and nothing is touched."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.crash.product import UP, VARIABLE, Undisturbed, World, changing, deployed, ended, until, world
from tests.support.cli import Memdeploy

NAME = "memmachine"
SAME = UP[2:]  # the options of `up` that say where


def snapshot(state: Path, name: str = NAME) -> Path:
    """The one that counts."""
    return max((state / name).glob("journal.*.json"), key=lambda path: int(path.name.split(".")[1]))


def edit(path: Path, **changes: Any) -> None:
    """As one that was written so: without the sum of what it was."""
    found = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in found.items() if key != "sum"}))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """One bit, of the suffix in a resource's name: it is well-formed, and names another one."""
    data = bytearray(path.read_bytes())
    suffix = json.loads(data)["suffix"]
    data[data.index(f"-{suffix}-".encode()) + 1] ^= 0x01
    path.write_bytes(bytes(data))


DAMAGE: Mapping[str, tuple[Callable[[Path], Any], str]] = {
    "truncated": (truncate, "journal-damaged"),
    "empty": (lambda path: path.write_bytes(b""), "journal-damaged"),
    "bit-flipped": (flip, "journal-damaged"),
    "another deployment's": (lambda path: edit(path, name="another"), "journal-of-another"),
    "newer": (lambda path: edit(path, schema=99), "journal-newer"),
    "no journal at all": (lambda path: path.write_text('{"name": "memmachine"}'), "journal-damaged"),
    "nothing but a fence": (lambda path: path.write_text('{"fence":true}\n'), "journal-damaged"),
    "noise": (lambda path: path.write_bytes(bytes(range(256)) * 8), "journal-damaged"),
}


def changed(cloud: Any, since: int) -> list[Any]:
    return [request for request in cloud.requests(since) if request["mutates"]]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_journal_is_named_and_nothing_is_touched(damage: str, stands: World, user: Memdeploy) -> None:
    spoil, code = DAMAGE[damage]
    path, since = snapshot(user.state), stands.cloud.last_request()
    for older in user.state.glob(f"{NAME}/journal.*.json"):
        older.unlink() if older != path else spoil(path)
    before = path.read_bytes()
    for line in (UP, ("destroy", "--yes", "--name", NAME)):
        refused = user(*line, expect=6)
        assert [error["code"] for error in refused.json["errors"]] == [code], line
    listed = user("list", expect=6)
    assert [one["status"] for one in listed.data["deployments"]] == ["unreadable"]
    assert changed(stands.cloud, since) == []
    assert path.read_bytes() == before


def test_a_newer_journal_is_not_written_over(stands: World, user: Memdeploy) -> None:
    path = snapshot(user.state)
    edit(path, schema=99)
    before = path.read_bytes()
    (error,) = user("recover", "--name", NAME, *SAME, expect=6).json["errors"]
    assert error["code"] == "journal-newer"
    assert path.read_bytes() == before


def test_a_journal_in_order_is_not_written_over(stands: World, user: Memdeploy) -> None:
    (error,) = user("recover", "--name", NAME, expect=3).json["errors"]
    assert error["code"] == "journal-in-order"


def test_a_lost_state_folder_is_not_begun_anew(stands: World, tmp_path: Path) -> None:
    since = stands.cloud.last_request()
    (tmp_path / "stranger").mkdir()
    stranger = Memdeploy(tmp_path / "stranger", stands.cloud.environment)
    for line in (UP, ("plan", *SAME)):
        (error,) = stranger(*line, expect=3).json["errors"]
        assert error["code"] == "journal-lost"
        assert f"memdeploy recover --name {NAME}" in error["suggestion"]
    assert changed(stands.cloud, since) == []
    assert not (stranger.state / NAME).exists()


# -- the journal of what deployments share, damaged alone -----------------------------------------------------------


def shared_snapshot(state: Path, spoil: Callable[[Path], Any]) -> Path:
    """The one that counts, spoilt; nothing lies beside it."""
    (place,) = (state / "_shared").iterdir()
    path = snapshot(place.parent, place.name)
    for older in place.glob("journal.*.json"):
        older.unlink() if older != path else spoil(path)
    return path


def refused(user: Memdeploy, code: str, *lines: tuple[str, ...]) -> None:
    for line in lines:
        (error,) = user(*line, expect=6).json["errors"]
        assert error["code"] == code, line
        assert ("memdeploy recover --name" in error["suggestion"]) == (code != "journal-newer"), line


def test_a_newer_journal_of_what_is_shared_is_refused_by_name(stands: World, user: Memdeploy) -> None:
    path, since = shared_snapshot(user.state, lambda path: edit(path, schema=99)), stands.cloud.last_request()
    before = path.read_bytes()
    refused(user, "journal-newer", ("status",), ("recover",))
    assert changed(stands.cloud, since) == []
    assert path.read_bytes() == before


def test_a_damaged_journal_of_what_is_shared_is_named_and_written_anew(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """The whole way: damaged, named by every command, written anew; damaged again when nothing else is left."""
    with deployed(undisturbed, tmp_path) as found:
        user = found.memdeploy
        own, (shared,) = user.journal(), user.shared_journals()
        path, since = shared_snapshot(user.state, truncate), found.cloud.last_request()
        damaged = path.read_bytes()
        refused(user, "journal-damaged", ("status",), UP, ("destroy", "--yes"))
        assert path.read_bytes() == damaged
        told = user("recover").data
        assert changed(found.cloud, since) == []
        assert {step["step"] for step in told["shared"]} == set(shared["steps"])
        assert "recovered" not in told, "its own was in order"
        assert (Path(told["shared_copy"]) / path.name).read_bytes() == damaged
        assert user.journal()["steps"] == own["steps"]
        runs = [(run["command"], run["exit_code"]) for run in user("history").data["runs"]]
        assert runs[:3] == [("recover", 0), ("destroy", 6), ("up", 6)], "what was refused had an end as well"
        assert (anew := user.shared_journals()[0])["identity"] == shared["identity"]
        assert anew["id"] == shared["id"]
        # Served at another address than `stands`, so that its machine's image has another name.
        rest = [step for step in user(*UP).data["steps"] if step["name"] != "neo4j.vm"]
        assert {step["status"] for step in rest} <= {"unchanged", "created"}  # the smoke test's
        removed_entirely(found)


def removed_entirely(found: World) -> None:
    user = found.memdeploy
    done = user("destroy", "--yes", "--delete-data", "--no-final-backup", expect=None)
    if done.code != 0:
        found.cloud.let_go()
        user("destroy", "--finish")
    elsewhere = {"project": "proj-2", "region": "us-central1"}
    shared_snapshot(user.state, lambda path: edit(path, identity=elsewhere))
    refused(user, "journal-of-another", ("destroy", "--shared", "--yes"))
    told = user("recover").data
    assert (told["status"], len(told["shared"])) == ("destroyed", 5)
    found.cloud.let_go()
    user("destroy", "--shared", "--yes")
    assert [item["name"] for item in found.cloud.inventory() if item["type"] != "Build"] == []


# -- a disk that is full, a folder that may not be written ----------------------------------------------------------


def full_at(size: int) -> Callable[[], None]:
    """No file grows beyond this: the system's own way to say that there is no room."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def as_anybody() -> None:
    """The superuser may write anywhere: not without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capabilities(7)), which a
    new program does not get back once they are out of the bounding set (prctl(2))."""
    if os.geteuid() == 0:
        for capability in (1, 2):
            if ctypes.CDLL(None, use_errno=True).prctl(24, capability, 0, 0, 0) != 0:
                os._exit(99)


def test_on_a_full_disk_nothing_is_begun_and_nothing_is_lost(stands: World, user: Memdeploy) -> None:
    before, since = user.journal(), stands.cloud.last_request()
    (error,) = replace(user, limits=full_at(2048))(*UP, expect=6).json["errors"]
    assert "Make room" in error["suggestion"]
    assert changed(stands.cloud, since) == []
    assert user("status", "--cached").data["status"] == before["status"]


def test_a_disk_that_fills_up_in_the_middle_stops_the_run_which_then_goes_on(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    with world(tmp_path) as disturbed:
        limited = replace(disturbed.memdeploy, limits=full_at(9000))
        stopped = limited(*UP, expect=6)
        assert changing(disturbed), "it had begun"
        assert [error["code"] for error in stopped.json["errors"]] == ["journal"]
        disturbed.memdeploy(*UP)
        undisturbed.check(disturbed)


def test_a_folder_that_may_not_be_written_is_named(stands: World, user: Memdeploy) -> None:
    since = stands.cloud.last_request()
    (user.state / NAME).chmod(0o500)
    try:
        for line in (UP, ("destroy", "--yes", "--name", NAME)):
            (error,) = replace(user, limits=as_anybody)(*line, expect=6).json["errors"]
            assert str(user.state / NAME) in error["message"]
        assert replace(user, limits=as_anybody)("status", "--cached").data["status"] == "ready"
    finally:
        (user.state / NAME).chmod(0o700)
    assert changed(stands.cloud, since) == []


def test_permission_that_is_lost_in_the_middle_stops_the_run_which_then_goes_on(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    with world(tmp_path) as disturbed:
        point = {VARIABLE: "stop:before-intent:postgres.database:create"}
        running = replace(disturbed.memdeploy, limits=as_anybody).start(*UP, extra=point)
        stat = Path(f"/proc/{running.pid}/stat")
        until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "stop of the run")
        (disturbed.memdeploy.state / NAME).chmod(0o500)
        running.send_signal(signal.SIGCONT)
        stopped = ended(running)
        (disturbed.memdeploy.state / NAME).chmod(0o700)
        assert stopped.code == 6, (stopped.stdout, stopped.stderr)
        disturbed.memdeploy(*UP)
        undisturbed.check(disturbed)
