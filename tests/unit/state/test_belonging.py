"""The journal of what deployments share: damaged, or a copy of another one, it is named and left as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memdeploy.errors import JournalError
from memdeploy.state.deployments import Deployments, Place

WHERE = {"project": "p", "region": "r"}


def shared(root: Path, **other: Any) -> Place:
    told = {"marker": "shared-r", "binding": "real", "provider": "gcp", "identity": WHERE, **other}
    place = Deployments(root).shared("gcp/p/r", **told)
    assert place is not None
    return place


def edited(**changes: Any) -> Callable[[bytes], bytes]:
    """As another one that was written so: without the sum of what it was."""
    return lambda data: json.dumps(
        {key: v for key, v in {**json.loads(data), **changes}.items() if key != "sum"}
    ).encode()


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "bit-flipped": lambda data: bytes([data[0] ^ 4]) + data[1:],
    "only a fence": lambda data: b'{"fence":true}\n',
    "no journal": lambda data: b'{"name": "_shared"}',
}
ANOTHERS = {
    "a deployment's": edited(name="toys"),
    "another region's": edited(id="shared-s", identity={"project": "p", "region": "s"}),
    "another project's": edited(identity={"project": "q", "region": "r"}),
    "a rehearsal's": edited(binding="abcdefghijkl"),
    "nobody's": edited(identity={}),
}


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        *((spoil, "journal-damaged") for spoil in DAMAGED.values()),
        *((spoil, "journal-of-another") for spoil in ANOTHERS.values()),
        (edited(schema=99), "journal-newer"),
    ],
    ids=[*DAMAGED, *ANOTHERS, "newer"],
)
def test_it_is_named_and_left_as_it_is(tmp_path: Path, spoil: Callable[[bytes], bytes], code: str) -> None:
    place = shared(tmp_path)
    path = place.folder / "journal.1.json"
    path.write_bytes(before := spoil(path.read_bytes()))
    for use in (lambda held: place.read(), place.write):
        with place.acquire("up") as lease, pytest.raises(JournalError) as caught:
            use(lease)
        assert caught.value.code == code
        assert ("memdeploy recover --name" in str(caught.value.suggestion)) == (code != "journal-newer")
        assert str(place.folder) in str(caught.value)
    assert [path.name for path in place.folder.glob("journal.*")] == ["journal.1.json"], "nobody is fenced off"
    assert path.read_bytes() == before


def test_whose_it_is_instead_is_said(tmp_path: Path) -> None:
    path = shared(tmp_path).folder / "journal.1.json"
    path.write_bytes(ANOTHERS["another project's"](path.read_bytes()))
    with pytest.raises(JournalError, match="journal of _shared in q/r, not of _shared in p/r"):
        shared(tmp_path).read()


def test_what_else_an_identity_says_does_not_count(tmp_path: Path) -> None:
    """On this machine each deployment's runtime and folder; a later version may say more of a project."""
    shared(tmp_path, identity={**WHERE, "folder": "/one"})
    assert shared(tmp_path).read().id == "shared-r"
    assert shared(tmp_path, identity={}).read().id == "shared-r"
