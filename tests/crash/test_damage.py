"""A journal that is damaged, lost or somebody else's: named, never taken for empty, and nothing is touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.crash.product import UP, Undisturbed, World, deployed
from tests.support.cli import Memdeploy

NAME = "memmachine"
SAME = UP[2:]  # the options of `up` that say where


def snapshot(state: Path, name: str = NAME) -> Path:
    """The one that counts."""
    return max((state / name).glob("journal.*.json"), key=lambda path: int(path.name.split(".")[1]))


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """One bit, of a brace: in a text it might say something else and be well-formed."""
    data = bytearray(path.read_bytes())
    data[0] ^= 0x04
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


@pytest.fixture(scope="module")
def stands(undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For what is refused: nobody changes anything in it."""
    with deployed(undisturbed, tmp_path_factory.mktemp("stands")) as found:
        yield found


@pytest.fixture
def user(stands: World, tmp_path: Path) -> Memdeploy:
    """Somebody with a copy of its journals."""
    folder = tmp_path / "user"
    shutil.copytree(stands.memdeploy.folder, folder)
    return Memdeploy(folder, stands.cloud.environment)


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
