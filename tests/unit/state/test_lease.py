"""Who may change a deployment: one at a time, told by name, free at once when its holder is dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from memdeploy.engine.cancel import CancelToken
from memdeploy.engine.clock import boottime
from memdeploy.errors import Cancelled, JournalError, Locked
from memdeploy.state.deployments import Deployments, Place
from memdeploy.state.lease import TERM, Clocks, Held, Holder, Leases, Standing
from memdeploy.state.objects import FolderObjects
from memdeploy.state.process import gone, this_process
from tests.unit.state import holder


class Time:
    def __init__(self) -> None:
        self.boot = 1000.0

    @property
    def clocks(self) -> Clocks:
        return Clocks(now=lambda: self.boot + 1e9, boottime=lambda: self.boot)


@pytest.fixture
def time() -> Time:
    return Time()


def leases(path: Path, time: Time) -> Leases:
    return Leases(FolderObjects(path), "toys", clocks=time.clocks)


def test_a_second_run_is_refused_at_once_and_told_who_holds_it(tmp_path: Path, time: Time) -> None:
    with leases(tmp_path, time).acquire("up"):
        with pytest.raises(Locked) as caught:
            leases(tmp_path, time).acquire("destroy")
        assert f"pid {os.getpid()}" in caught.value.message
        assert "`memdeploy up`" in caught.value.message
        assert caught.value.exit_code == 5


def test_it_is_free_after_release(tmp_path: Path, time: Time) -> None:
    leases(tmp_path, time).acquire("up").release()
    assert leases(tmp_path, time).holder() is None
    leases(tmp_path, time).acquire("up").release()


def test_releasing_twice_is_once(tmp_path: Path, time: Time) -> None:
    first = leases(tmp_path, time).acquire("up")
    first.release()
    with leases(tmp_path, time).acquire("destroy") as second:
        first.release()
        second.check()


def test_an_old_lease_is_renewed_before_anything_is_sent(tmp_path: Path, time: Time) -> None:
    """Nobody took it over while the machine slept: it is still ours, and provably so."""
    with leases(tmp_path, time).acquire("up") as lease:
        time.boot += 10 * TERM
        lease.check()
        with pytest.raises(Locked):
            leases(tmp_path, time).acquire("destroy")


def test_a_lease_that_was_not_renewed_is_taken_over_and_the_first_holder_is_fenced(tmp_path: Path, time: Time) -> None:
    first = leases(tmp_path, time).acquire("up")
    time.boot += TERM + 1
    with leases(tmp_path, time).acquire("up") as second:
        with pytest.raises(Locked) as caught:
            first.check()
        assert caught.value.code == "fenced"
        second.check()
        first.release()
        second.check()


def test_a_lease_that_cannot_be_renewed_is_not_trusted(tmp_path: Path, time: Time) -> None:
    lease = leases(tmp_path, time).acquire("up")
    time.boot += TERM
    for path in tmp_path.iterdir():
        path.unlink()
    tmp_path.rmdir()
    with pytest.raises(Locked):
        lease.check()
    lease.release()


def test_a_full_disk_is_not_called_another_run(tmp_path: Path, time: Time) -> None:
    class Full(FolderObjects):
        def write(self, key: str, data: bytes, *, expect: int | None) -> int:
            if expect is not None:
                raise JournalError("no space left")
            return super().write(key, data, expect=expect)

    with Leases(Full(tmp_path), "toys", clocks=time.clocks).acquire("up") as lease:
        time.boot += TERM
        with pytest.raises(Locked, match="could not be renewed"):
            lease.check()


def test_a_place_that_is_gone_is_named(tmp_path: Path, time: Time) -> None:
    with pytest.raises(JournalError, match="nowhere"):
        leases(tmp_path / "nowhere", time).acquire("up")


def test_waiting_ends_when_told_to_stop(tmp_path: Path, time: Time) -> None:
    token = CancelToken()
    token.cancel()
    with leases(tmp_path, time).acquire("up"), pytest.raises(Cancelled):
        leases(tmp_path, time).acquire("up", wait=600, cancel=token)


def test_breaking_it_stops_the_holder(tmp_path: Path, time: Time) -> None:
    lease = leases(tmp_path, time).acquire("up")
    held = leases(tmp_path, time).look()
    assert held is not None
    assert held.holder is not None
    assert (held.holder.command, held.standing, held.age) == ("up", Standing.HOLDING, 0.0)
    leases(tmp_path, time).break_(held.holder)
    with pytest.raises(Locked):  # at once, though its lease has not run out
        lease.check()
    lease.release()


def test_a_damaged_lease_is_named_and_can_be_broken(tmp_path: Path, time: Time) -> None:
    FolderObjects(tmp_path).write("lease", b"{", expect=None)
    with pytest.raises(JournalError, match="damaged"):
        leases(tmp_path, time).acquire("up")
    assert leases(tmp_path, time).look() == Held(None, Standing.HOLDING)
    leases(tmp_path, time).break_(None)
    leases(tmp_path, time).acquire("up").release()


def test_whoever_came_since_the_look_keeps_the_lease(tmp_path: Path, time: Time) -> None:
    """Of the holder that was seen to be gone another one may have taken over while somebody thought about it."""
    first = leases(tmp_path, time).acquire("up")
    first.release()
    with leases(tmp_path, time).acquire("destroy") as second:
        with pytest.raises(Locked, match="memdeploy destroy"):
            leases(tmp_path, time).break_(first.holder)
        second.check()


def test_a_lease_is_good_for_as_long_as_it_says_itself(tmp_path: Path, time: Time) -> None:
    short = Leases(FolderObjects(tmp_path), "toys", clocks=time.clocks, term=2.0).acquire("up")
    try:
        time.boot += 2.1
        held = leases(tmp_path, time).look()
        assert held is not None
        assert held.standing is Standing.EXPIRED
    finally:
        short.release()


def test_whoever_waits_is_told_for_whom(tmp_path: Path, time: Time) -> None:
    told: list[str] = []
    token = CancelToken()

    def waiting(holder: Holder) -> None:
        told.append(holder.command)
        token.cancel()

    with leases(tmp_path, time).acquire("up"), pytest.raises(Cancelled):
        leases(tmp_path, time).acquire("destroy", wait=60.0, cancel=token, waiting=waiting)
    assert told == ["up"]


@pytest.mark.parametrize("jump", [86400.0, -86400.0])
def test_a_wall_clock_that_jumps_frees_no_lease_of_this_machine(tmp_path: Path, time: Time, jump: float) -> None:
    with leases(tmp_path, time).acquire("up") as lease:
        jumped = Clocks(now=lambda: time.boot + 1e9 + jump, boottime=lambda: time.boot)
        with pytest.raises(Locked):
            Leases(FolderObjects(tmp_path), "toys", clocks=jumped).acquire("destroy")
        lease.check()


def test_a_lease_of_another_machine_is_judged_by_the_wall_clock_with_room_for_error(tmp_path: Path, time: Time) -> None:
    elsewhere = replace(this_process(), host="elsewhere", machine="another-boot/ns")
    lease = Leases(FolderObjects(tmp_path), "toys", here=elsewhere, clocks=time.clocks).acquire("up")
    try:
        for ahead, standing in (
            (TERM * 3, Standing.HOLDING),
            (-86400.0, Standing.HOLDING),
            (TERM * 5, Standing.EXPIRED),
        ):
            jumped = Clocks(now=lambda ahead=ahead: time.boot + 1e9 + ahead, boottime=lambda: 0.0)  # type: ignore[misc]
            held = Leases(FolderObjects(tmp_path), "toys", clocks=jumped).look()
            assert held is not None
            assert held.standing is standing, ahead
    finally:
        lease.release()


def test_who_is_gone() -> None:
    me = this_process()
    boot = me.machine.partition("/")[0]
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait(30)
    assert not gone(me, me)
    assert gone(replace(me, pid=child.pid), me)
    assert gone(replace(me, machine="another-boot/ns"), me)
    assert not gone(replace(me, machine="another-boot/ns", host="elsewhere"), me)
    assert not gone(replace(me, machine=f"{boot}/another namespace", pid=child.pid), me)
    if me.started is not None:
        assert gone(replace(me, started=me.started - 1), me)


# -- with a second process -------------------------------------------------------------------------------------------


class Second:
    def __init__(self, path: Path) -> None:
        self.ahead = path / "ahead"
        self.ahead.write_text("0")
        self.root = path / "state"
        Deployments(self.root).create("toys", provider="gcp", identity={}, binding="real", configuration={})
        self.process = subprocess.Popen(
            [sys.executable, holder.__file__, str(self.root), str(self.ahead)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.hear() == "ready"

    def place(self) -> Place:
        return Deployments(
            self.root, clocks=Clocks(boottime=lambda: boottime() + float(self.ahead.read_text()))
        ).open("toys")  # fmt: skip

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Second]:
    second = Second(tmp_path)
    yield second
    second.process.kill()
    second.process.communicate(timeout=30)


def test_another_process_is_refused_while_the_first_lives(second: Second) -> None:
    with pytest.raises(Locked, match=f"pid {second.process.pid}"):
        second.place().acquire("destroy")
    second.say("checked")
    assert second.hear() == "committed"


def test_a_killed_holder_frees_the_lease_at_once(second: Second) -> None:
    second.process.send_signal(signal.SIGKILL)
    second.process.wait(30)
    second.place().acquire("up").release()


@pytest.mark.parametrize("line", ["checked", "unchecked"])
def test_a_holder_that_slept_past_its_lease_changes_nothing_more(second: Second, line: str) -> None:
    """Stopped, taken over, woken: its lease refuses it, and so does the journal when it does not even ask."""
    second.process.send_signal(signal.SIGSTOP)
    second.ahead.write_text(str(TERM + 1))
    place = second.place()
    with place.acquire("up") as lease:
        place.write(lease)
        second.process.send_signal(signal.SIGCONT)
        second.say(line)
        assert second.hear() == "fenced"
        assert second.process.wait(30) == 5
        assert dict(place.read().steps) == {}
