"""Two runs at once: of one deployment, of which the second is refused; and of two that share a network."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.crash.product import UP, changing, ended, existing, until, world


def test_a_second_up_of_the_same_name_is_told_who_is_at_it(tmp_path: Path) -> None:
    with world(tmp_path) as disturbed:
        first = disturbed.memdeploy.start(*UP)
        try:
            until(lambda: changing(disturbed), "change by the first")
            first.send_signal(signal.SIGSTOP)
            second = disturbed.memdeploy(*UP, expect=5)
        finally:
            first.send_signal(signal.SIGCONT)
        (error,) = second.json["errors"]
        assert error["code"] == "locked"
        assert f"pid {first.pid}" in error["message"]
        assert ended(first).code == 0


def test_two_first_ups_in_one_project_share_a_network_and_no_address(tmp_path: Path) -> None:
    with world(tmp_path) as disturbed:
        names = ("alpha", "beta")
        running = [disturbed.memdeploy.start(*UP, "--name", name) for name in names]
        for process in running:
            done = ended(process)
            assert done.code == 0, (done.stdout, done.stderr)
        steps = [disturbed.memdeploy.journal(name)["steps"] for name in names]
        counts = existing(disturbed.cloud)
        assert counts["compute.Network"] == 1
        assert counts["sqladmin.Instance"] == counts["compute.Instance"] == len(names)
        ranges = [found["network.subnet"]["outputs"]["cidr"] for found in steps]
        assert len(set(ranges)) == len(names), ranges
