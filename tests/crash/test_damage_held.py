"""A journal that is damaged while a run holds it: the others are told, and either the run or `recover` mends it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash.product import LONG, UP, Undisturbed, World, asked_for_a_database, ended, until, world
from tests.crash.test_damage import NAME, SAME, changed, truncate

LOCKED = 5


@contextmanager
def damaged_in_the_middle(tmp_path: Path) -> Iterator[tuple[World, subprocess.Popen[str]]]:
    """A first `up` that is stopped while its database is made, and every snapshot of its journal cut in half."""
    with world(tmp_path, faults=LONG) as disturbed:
        running = disturbed.memdeploy.start(*UP)
        try:
            until(lambda: asked_for_a_database(disturbed), "request for a database")
            running.send_signal(signal.SIGSTOP)
            for path in (disturbed.memdeploy.state / NAME).glob("journal.*.json"):
                truncate(path)
            yield disturbed, running
        finally:
            running.kill()


def test_while_it_is_held_nobody_touches_it_and_its_run_writes_it_anew(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    with damaged_in_the_middle(tmp_path) as (disturbed, running):
        user, since = disturbed.memdeploy, disturbed.cloud.last_request()
        for line in (UP, ("destroy", "--yes", "--name", NAME), ("recover", "--name", NAME, *SAME)):
            (error,) = user(*line, expect=None).json["errors"]
            assert error["code"] in ("locked", "journal-damaged"), line
        assert changed(disturbed.cloud, since) == []
        running.send_signal(signal.SIGCONT)
        done = ended(running)
        assert done.code == 0, (done.stdout, done.stderr)
        assert user("status").data["health"] == "healthy"
        undisturbed.check(disturbed)


def test_once_its_holder_is_gone_it_is_recovered_and_gone_on_with(tmp_path: Path, undisturbed: Undisturbed) -> None:
    with damaged_in_the_middle(tmp_path) as (disturbed, running):
        user = disturbed.memdeploy
        (error,) = user("recover", "--name", NAME, *SAME, expect=LOCKED).json["errors"]
        assert str(running.pid) in error["message"]
        running.kill()
        running.wait()
        assert user("recover", "--name", NAME, *SAME).data["recovered"]
        user(*UP)
        undisturbed.check_end(disturbed)
