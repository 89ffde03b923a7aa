"""A run that was stopped, or slept, past its lease while another took over: it changes nothing more, and exits 5."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from memdeploy.engine.crash import VARIABLE, Point
from memdeploy.state.deployments import Deployments
from memdeploy.state.lease import TERM
from tests.crash import kernel_run, shared_holder
from tests.crash.product import UP, World, changing, ended, until, world

FENCED = 5
CHANGES = (("network", "create"), ("secret", "create"), ("secret", "add version"), ("service", "create"))


class Toys:
    """Three toys in a cloud that lives in a file, a real journal and lease, and a boot clock that can be put ahead."""

    def __init__(self, path: Path) -> None:
        self.root = path / "state"
        self.cloud = path / "cloud.json"
        self.cloud.write_text(json.dumps({"things": {}, "created": [], "operations": {}, "versions": {}}))
        self.ahead = path / "ahead"
        self.ahead.write_text("0")

    def start(self, **more: str) -> subprocess.Popen[str]:
        clean = {key: value for key, value in os.environ.items() if key != VARIABLE}
        environment = {**clean, "TOYS_AHEAD": str(self.ahead), "TOYS_PARALLEL": "1", **more}
        line = [sys.executable, kernel_run.__file__, str(self.root), str(self.cloud), "up"]
        return subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @contextmanager
    def stopped(self, **more: str) -> Iterator[subprocess.Popen[str]]:
        """A run that has stopped itself."""
        process = self.start(**more)
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status), (status, process.communicate())
            yield process
        finally:
            process.kill()
            process.communicate()

    def sleep_past_the_lease(self) -> None:
        self.ahead.write_text(str(TERM + 1))

    def done(self, process: subprocess.Popen[str], code: int) -> Mapping[str, Any]:
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == code, (stdout, stderr)
        return dict(json.loads(stdout)) if stdout else {"error": stderr}

    def seen(self) -> dict[str, Any]:
        return dict(json.loads(self.cloud.read_text()))

    def changed(self) -> dict[str, Any]:
        """What only changing calls change, and the journal as its newest epoch has it."""
        data, journal = self.seen(), Deployments(self.root).open("toys").read()
        return {key: data[key] for key in ("things", "created", "versions", "asked")} | {"journal": journal}


@pytest.fixture
def toys(tmp_path: Path) -> Toys:
    return Toys(tmp_path)


def stops(changes: tuple[tuple[str, str], ...]) -> list[str]:
    return [f"stop:{point}:{step}:{verb}" for step, verb in changes for point in Point]


def taken_over(toys: Toys, point: str) -> None:
    with toys.stopped(**{VARIABLE: point}) as first:
        toys.sleep_past_the_lease()
        toys.done(toys.start(), 0)
        before = toys.changed()
        assert sorted(before["created"]) == ["key", "net", "svc"]
        first.send_signal(signal.SIGCONT)
        assert "took" in toys.done(first, FENCED)["error"]
        assert toys.changed() == before


@pytest.mark.parametrize("point", [*stops((CHANGES[0], CHANGES[2])), "stop:after-transition:1"])
def test_stopped_at_a_point_it_changes_nothing_after_the_others_epoch(toys: Toys, point: str) -> None:
    taken_over(toys, point)


@pytest.mark.slow
@pytest.mark.parametrize(
    "point", [*stops((CHANGES[1], CHANGES[3])), *(f"stop:after-transition:{n}" for n in range(2, 17))]
)
def test_stopped_at_every_other_point_likewise(toys: Toys, point: str) -> None:
    taken_over(toys, point)


def test_stopped_inside_a_call_it_sends_no_second_one(toys: Toys) -> None:
    """What is on its way cannot be called back; its answer, which would be asked for again, is not."""
    with toys.stopped(TOYS_STOP_INSIDE="svc") as first:
        toys.sleep_past_the_lease()
        toys.done(toys.start(), 0)
        before = toys.changed()
        first.send_signal(signal.SIGCONT)
        toys.done(first, FENCED)
        assert toys.changed() == before
        assert [name for pid, name in before["asked"] if pid == first.pid].count("svc") == 1


def test_a_machine_that_slept_past_its_lease_goes_on_when_nobody_came(toys: Toys) -> None:
    with toys.stopped(**{VARIABLE: "stop:before-intent:service:create"}) as first:
        toys.sleep_past_the_lease()
        first.send_signal(signal.SIGCONT)
        toys.done(first, 0)
    assert sorted(toys.seen()["created"]) == ["key", "net", "svc"]


def test_of_eight_that_contend_for_what_is_shared_none_loses_what_it_wrote(tmp_path: Path) -> None:
    line = [sys.executable, shared_holder.__file__, str(tmp_path / "state")]
    running = [subprocess.Popen([*line, str(n)], stdout=subprocess.PIPE, text=True) for n in range(8)]
    for process in running:
        told, _ = process.communicate(timeout=120)
        assert process.returncode == 0, told
    (place,) = Deployments(tmp_path / "state").shared_places()
    ranges = {name: record.notes["range"] for name, record in place.read().steps.items()}
    assert sorted(ranges) == [f"deployment-{n}" for n in range(8)]
    assert sorted(ranges.values()) == list(range(8)), "two were given the same"


# -- the command line ------------------------------------------------------------------------------------------------

LONG = "slow@sql.instances.insert=1x"  # all else is done by then: no other thread is in a call
POINT = "stop:after-intent:postgres.database:create"


@contextmanager
def stopped_up(disturbed: World, **extra: str) -> Iterator[subprocess.Popen[str]]:
    first = disturbed.memdeploy.start(*UP, extra={VARIABLE: POINT, **extra})
    try:
        until(lambda: state_of(first) == "T", "stop of the first")
        yield first
    finally:
        first.kill()
        first.communicate()


def state_of(process: subprocess.Popen[str]) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def continued(disturbed: World, first: subprocess.Popen[str]) -> None:
    """Nothing more of it reaches the cloud, nor the journal."""
    since, journal = disturbed.cloud.last_request(), disturbed.memdeploy.journal()
    first.send_signal(signal.SIGCONT)
    done = ended(first)
    assert done.code == FENCED, (done.stdout, done.stderr)
    assert [error["code"] for error in done.json["errors"]] == ["fenced"]
    assert [request for request in disturbed.cloud.requests(since) if request["mutates"]] == []
    assert disturbed.memdeploy.journal() == journal


def test_a_living_holder_is_unlocked_by_whoever_says_that_it_is_gone(tmp_path: Path) -> None:
    with world(tmp_path, faults=LONG) as disturbed, stopped_up(disturbed) as first:
        for line in ((), ("--yes",)):
            asked = disturbed.memdeploy("unlock", *line, expect=4)
            assert asked.json["errors"][0]["code"] == "holder-may-live"
            assert (asked.data["holder"]["pid"], asked.data["holder"]["standing"]) == (first.pid, "holding")
            assert asked.data["unlocked"] is False
        (error,) = disturbed.memdeploy(*UP, expect=FENCED).json["errors"]
        assert f"pid {first.pid}" in error["message"]
        assert disturbed.memdeploy("unlock", "--holder-is-gone").data["unlocked"] is True
        disturbed.memdeploy(*UP)
        continued(disturbed, first)


def test_whoever_waits_says_for_whom_and_takes_over_what_has_run_out(tmp_path: Path) -> None:
    with world(tmp_path, faults=LONG) as disturbed:
        first = disturbed.memdeploy.start(*UP, extra={VARIABLE: POINT, "MEMDEPLOY_TEST_LEASE": "5"})
        try:
            until(lambda: changing(disturbed), "change by the first")
            second = disturbed.memdeploy.start(*UP, "--wait", json_output=False)
            said = next(line for line in second.stderr if "waiting for" in line)
            assert "`memdeploy up`" in said
            assert f"pid {first.pid}" in said
            until(lambda: state_of(first) == "T", "stop of the first")
            assert ended(second).code == 0
            continued(disturbed, first)
        finally:
            first.kill()
            first.communicate()


def test_a_holder_that_is_gone_is_unlocked_without_a_question(tmp_path: Path) -> None:
    with world(tmp_path, faults=LONG) as disturbed:
        with stopped_up(disturbed) as first:
            pass
        freed = disturbed.memdeploy("unlock")
        assert freed.data["unlocked"] is True
        assert (freed.data["holder"]["pid"], freed.data["holder"]["standing"]) == (first.pid, "gone")
        assert disturbed.memdeploy("unlock").data["holder"] is None


@pytest.mark.slow
def test_eight_first_ups_in_one_project_share_a_network_and_no_address(tmp_path: Path) -> None:
    names = [f"eight-{n}" for n in range(8)]
    with world(tmp_path) as disturbed:
        running = [disturbed.memdeploy.start(*UP, "--name", name) for name in names]
        for process in running:
            stdout, stderr = process.communicate(timeout=600)
            assert process.returncode == 0, (stdout, stderr)
        ranges = {disturbed.memdeploy.journal(name)["steps"]["network.subnet"]["outputs"]["cidr"] for name in names}
        assert len(ranges) == len(names)
        kinds = [item["type"] for item in disturbed.cloud.inventory()]
        assert kinds.count("Network") == 1
