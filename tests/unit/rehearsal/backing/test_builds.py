"""What a client is told of a build, whenever it looks."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

from memdeploy.rehearsal.backing.builds import Builds

KEY = "projects/p/locations/r/builds/one"


class Ending:
    """The file of its end. It is written just after somebody looked for it, and then the build is of the past."""

    def __init__(self, builds: Builds) -> None:
        self._builds = builds

    def __truediv__(self, name: str) -> Ending:
        return self

    def exists(self) -> bool:
        self._builds._running.pop(KEY)
        return False


def of(folders: Any) -> Builds:
    nobody = cast(Any, None)
    return Builds(nobody, nobody, nobody, folders, nobody)


def test_one_that_ends_while_it_is_looked_at_was_not_interrupted() -> None:
    folders = SimpleNamespace()
    builds = of(folders)
    folders.path = lambda key: Ending(builds)
    builds._running[KEY] = threading.current_thread()
    assert builds.state(KEY).error is None


def test_one_that_nobody_runs_and_that_has_no_end_was_interrupted(tmp_path: Any) -> None:
    told = of(SimpleNamespace(path=lambda key: tmp_path)).state(KEY)
    assert told.done
    assert "start it again" in str(told.error)
