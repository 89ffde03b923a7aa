"""State roots: what is in them, what names are allowed, and what deployments share."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdeploy.engine.events import Event, EventKind
from memdeploy.errors import JournalError, NoSuchDeployment, Refused, UsageError
from memdeploy.state.deployments import Deployments, Place, default_root
from memdeploy.state.runs import KEPT, read_log


@pytest.fixture
def deployments(tmp_path: Path) -> Deployments:
    return Deployments(tmp_path / "root")


def create(deployments: Deployments, name: str = "support-memory", binding: str = "real") -> Place:
    return deployments.create(name, provider="gcp", identity={"project": "p"}, binding=binding, configuration={"v": 1})


def test_looking_makes_nothing(deployments: Deployments) -> None:
    assert deployments.names() == ()
    assert deployments.list() == ()
    assert not deployments.root.exists()


def test_a_new_deployment_has_its_id_and_suffix_at_once(deployments: Deployments) -> None:
    journal = create(deployments).read()
    assert len(journal.id) == 12
    assert len(journal.suffix) == 4
    assert journal.rehearsal is None
    assert (journal.provider, journal.identity, journal.configuration) == ("gcp", {"project": "p"}, {"v": 1})


def test_ids_differ(deployments: Deployments) -> None:
    assert create(deployments, "one-memory").read().id != create(deployments, "two-memory").read().id
    assert deployments.names() == ("one-memory", "two-memory")


def test_a_name_is_taken_once(deployments: Deployments) -> None:
    first = create(deployments).read()
    with pytest.raises(Refused):
        create(deployments)
    assert deployments.open("support-memory").read().id == first.id


def test_a_destroyed_name_starts_anew(deployments: Deployments) -> None:
    place = create(deployments)
    first = place.read()
    with place.acquire("destroy") as lease:
        place.write(lease).update(status="destroyed")
    assert create(deployments).read().id != first.id


def test_what_is_not_there_is_named_with_what_is(deployments: Deployments) -> None:
    create(deployments)
    with pytest.raises(NoSuchDeployment) as caught:
        deployments.open("other-memory")
    assert caught.value.exit_code == 8
    assert "support-memory" in str(caught.value.suggestion)


@pytest.mark.parametrize("name", ["", "ab", "Ab1", "1abc", "abc-", "a" * 21, "../up", "_shared", "a.b", "a/b"])
def test_names_that_are_refused(deployments: Deployments, name: str) -> None:
    with pytest.raises(UsageError):
        deployments.open(name)
    with pytest.raises(UsageError):
        create(deployments, name)


def test_a_damaged_journal_is_listed_with_its_error(deployments: Deployments) -> None:
    place = create(deployments)
    (place.folder / "journal.1.json").write_text("{")
    (listed,) = deployments.list()
    assert listed.journal is None
    assert isinstance(listed.error, JournalError)


def test_shared_places_are_one_for_each_key_and_binding(deployments: Deployments) -> None:
    def shared(key: str, binding: str) -> Place:
        place = deployments.shared(key, marker="shared-r", binding=binding, provider="gcp", identity={})
        assert place is not None
        return place

    one = shared("gcp/p/r", "real")
    assert one.folder == shared("gcp/p/r", "real").folder
    assert one.read().id == "shared-r"
    assert one.read().suffix == ""
    assert len({one.folder, shared("gcp/p/r", "rehearsal1").folder, shared("gcp/p-r", "real").folder}) == 3
    assert len(deployments.shared_places()) == 3
    assert deployments.names() == ()


def test_forgetting_needs_a_destroyed_deployment(deployments: Deployments) -> None:
    place = create(deployments)
    with place.acquire("destroy") as lease:
        journal = place.write(lease)
        journal.update(status="ready")
        with pytest.raises(Refused):
            place.forget(lease)
        journal.update(status="destroyed")
        place.forget(lease)
    assert deployments.names() == ()


def test_the_default_root_is_the_users_own() -> None:
    assert default_root().name == "memdeploy"
    assert default_root().is_absolute()


def test_logs_of_runs_hold_events_and_the_last_twenty_are_kept(deployments: Deployments) -> None:
    runs = create(deployments).runs()
    for number in range(KEPT + 3):
        with runs.begin("up", at=1000.0 + number) as log:
            log(Event(EventKind.NOTICE, 1.0, None, {"number": number}))
    paths = runs.paths()
    assert len(paths) == KEPT
    assert [event["data"]["number"] for event in read_log(paths[0])] == [KEPT + 2]
    assert paths[0].stat().st_mode & 0o777 == 0o600


def test_a_last_line_that_was_cut_short_is_left_out(deployments: Deployments) -> None:
    runs = create(deployments).runs()
    with runs.begin("up", at=1.0) as log:
        log(Event(EventKind.NOTICE, 1.0))
    with runs.paths()[0].open("a") as file:
        file.write('{"kind": "not')
    assert [event["kind"] for event in read_log(runs.paths()[0])] == ["notice"]
