"""A journal written anew: whatever was there is kept, and whoever wrote it is fenced off."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdeploy.engine.ledger import Noted
from memdeploy.errors import JournalError, Locked
from memdeploy.state.deployments import Deployments, Place

JOURNALS = (b"", b"{", b'{"fence":true}\n', b"\xff\xfe", b'{"schema": 1}')


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Deployments(tmp_path).create("toys", provider="gcp", identity={}, binding="real", configuration={"a": 1})


@pytest.mark.parametrize("damaged", JOURNALS)
def test_what_was_there_is_kept_and_the_new_one_counts(place: Place, damaged: bytes) -> None:
    journal = place.read()
    path = place.folder / "journal.1.json"
    path.write_bytes(damaged)
    with pytest.raises(JournalError):
        place.read()
    with place.acquire("recover") as lease:
        kept = place.rebuild(lease, journal)
    assert kept is not None
    assert (Path(kept) / path.name).read_bytes() == damaged
    assert (place.read().id, place.read().epoch) == (journal.id, 2)
    with place.acquire("up") as lease:
        place.write(lease).commit("step", Noted({"by": "the next run"}))
    assert (Path(kept) / path.name).read_bytes() == damaged


def test_whoever_wrote_the_lost_one_is_fenced_off(place: Place) -> None:
    journal = place.read()
    with place.acquire("up") as lease:
        writer = place.write(lease)
        place.leases().break_(lease.holder)
        with place.acquire("recover") as second:
            place.rebuild(second, journal)
        with pytest.raises(Locked):
            writer.commit("step", Noted({"by": "the first"}))
    assert dict(place.read().steps) == {}


def test_where_nothing_was_there_is_no_copy(tmp_path: Path) -> None:
    deployments = Deployments(tmp_path)
    drawn = deployments.draft("toys", provider="gcp", identity={}, binding="real", configuration={})
    place = deployments.ground("toys")
    with place.acquire("recover") as lease:
        assert place.rebuild(lease, drawn) is None
    assert place.read().id == drawn.id


def test_an_older_snapshot_tells_how_it_was_configured(place: Place) -> None:
    with place.acquire("up") as lease:
        place.write(lease)
    newest = place.folder / "journal.2.json"
    newest.write_bytes(newest.read_bytes()[:50])
    with pytest.raises(JournalError):
        place.read()
    earlier = place.earlier()
    assert earlier is not None
    assert dict(earlier.configuration) == {"a": 1}


def test_another_deployments_snapshot_tells_nothing(place: Place) -> None:
    path = place.folder / "journal.1.json"
    path.write_text(path.read_text().replace("toys", "tows"))
    assert place.earlier() is None
