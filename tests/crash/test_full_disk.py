"""A disk that is really full: a small one, which somebody else fills."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from memdeploy.state.journal import decode
from tests.crash.product import UP, Undisturbed, World, changing, world
from tests.crash.test_damage import NAME, SAME, changed, snapshot, truncate
from tests.support.cli import Memdeploy
from tests.support.small_disk import NotHere, SmallDisk, small_disk

KIB = 1024
SIZE = 300
ENOUGH_TO_BEGIN = 64 * KIB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Where `Memdeploy(tmp_path / "user")` keeps its journals."""
    try:
        with small_disk(tmp_path / "user" / "state", SIZE) as found:
            yield found
    except NotHere as reason:
        pytest.skip(f"no disk of its own: {reason}")


def journals(disk: SmallDisk) -> dict[str, bytes]:
    """Those that count, as they lie there."""
    places = {path.parent for path in disk.seen.rglob("journal.*.json")}
    found = [snapshot(place.parent, place.name) for place in places]
    return {str(path.relative_to(disk.seen)): path.read_bytes() for path in found}


def full(user: Memdeploy, *lines: tuple[str, ...]) -> None:
    for line in lines:
        (error,) = user(*line, expect=6).json["errors"]
        assert error["code"] == "journal", line
        assert "No space left on device" in error["message"], line
        assert "Make room" in error["suggestion"], line


def test_it_fills_up_in_the_middle_and_with_room_the_next_run_ends_well(
    undisturbed: Undisturbed, tmp_path: Path, disk: SmallDisk
) -> None:
    with world(tmp_path) as found:
        user = replace(found.memdeploy, limits=disk.enter(found.memdeploy.folder))
        disk.leave(ENOUGH_TO_BEGIN)
        full(user, UP)
        assert changing(found), "it had begun"
        left = journals(disk)
        assert len(left) == 2, "its own and the shared one"
        read = [decode(data, where) for where, data in left.items()]
        assert all(journal.steps for journal in read)
        assert disk.free < ENOUGH_TO_BEGIN / 2
        assert user("status", "--cached").data["status"] in ("deploying", "failed"), "if there was room for that word"
        disk.empty()
        user(*UP)
        undisturbed.check(World(found.cloud, Memdeploy(disk.seen.parent)))


def test_without_any_room_nothing_is_begun_and_what_needs_none_goes_on(
    stands: World, tmp_path: Path, disk: SmallDisk
) -> None:
    shutil.copytree(stands.memdeploy.state, disk.seen, dirs_exist_ok=True)
    user = Memdeploy(tmp_path / "user", stands.cloud.environment, limits=disk.enter(tmp_path / "user"))
    since, before = stands.cloud.last_request(), journals(disk)
    disk.leave(0)
    full(user, UP, ("destroy", "--yes"))
    assert user("status").data["health"] == "healthy"
    assert user("unlock").data["holder"] is None
    assert journals(disk) == before
    truncate(snapshot(disk.seen))
    before = journals(disk)
    disk.leave(8 * KIB)  # for the lease; not for the copy
    full(user, ("recover", "--name", NAME, *SAME))
    assert journals(disk) == before
    assert list(disk.seen.rglob("lost-*")) == [], "half a copy is none"
    assert changed(stands.cloud, since) == []
