"""State roots: what is in them, what names are allowed, and what deployments share."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from memdeploy.engine.events import Event, EventKind
from memdeploy.errors import JournalError, NoSuchDeployment, Refused, UsageError
from memdeploy.state import versions
from memdeploy.state.deployments import Deployments, Place, default_root
from memdeploy.state.journal import Journal
from memdeploy.state.lease import Lease
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


def test_whether_there_is_one_is_asked_of_its_own_folder_alone(
    deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not deployments.has("one-memory")
    for name in ("one-memory", "two-memory"):
        create(deployments, name)
    (deployments.root / "three-memory").mkdir()
    looked_into: list[str] = []
    numbers = versions.numbers
    monkeypatch.setattr(
        versions, "numbers", lambda folder, kind: looked_into.append(folder.name) or numbers(folder, kind)
    )
    asked = ("one-memory", "three-memory", "four-memory", f"../{deployments.root.name}/one-memory", "_shared", "")
    assert [deployments.has(name) for name in asked] == [True, False, False, False, False, False]
    assert looked_into == ["one-memory", "three-memory", "four-memory"]


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


@pytest.mark.parametrize("name", ["", "ab", "Ab1", "1abc", "abc-", "a" * 21, "../up", "_shared", "a.b", "a/b", "abc\n"])
def test_names_that_are_refused(deployments: Deployments, name: str) -> None:
    with pytest.raises(UsageError):
        deployments.open(name)
    with pytest.raises(UsageError):
        create(deployments, name)


def test_a_copy_under_another_name_is_no_deployment(deployments: Deployments) -> None:
    """Its `destroy` would be that of the first one's resources."""
    place = create(deployments)
    shutil.copytree(place.folder, deployments.root / "the-copy")
    with pytest.raises(JournalError) as caught:
        deployments.open("the-copy").read()
    assert caught.value.code == "journal-of-another"
    assert [(one.name, one.error is None) for one in deployments.list()] == [
        ("support-memory", True),
        ("the-copy", False),
    ]


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


@pytest.mark.parametrize(
    "line", ["[1]", '"x"', '{"kind": "notice"}', '{"kind": "notice", "data": null}', "[" * 100_000]
)
def test_what_is_no_event_ends_a_log(tmp_path: Path, line: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(json.dumps({"kind": "notice", "data": {}}) + "\n" + line + "\n")
    assert [event["kind"] for event in read_log(path)] == ["notice"]


def draft(deployments: Deployments) -> Journal:
    return deployments.draft("support-memory", provider="gcp", identity={}, binding="real", configuration={})


def destroyed(deployments: Deployments) -> Place:
    place = create(deployments)
    with place.acquire("destroy") as lease:
        place.write(lease).update(status="destroyed")
    return place


def test_of_two_that_start_a_destroyed_name_anew_one_is_refused(
    deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw it destroyed. Else one would deploy under an id and a suffix that no journal knows."""
    place = destroyed(deployments)
    first, second = draft(deployments), draft(deployments)
    read = Place.read

    def other_comes_between(self: Place) -> Journal:
        found = read(self)
        monkeypatch.setattr(Place, "read", read)
        deployments.keep(first)
        return found

    monkeypatch.setattr(Place, "read", other_comes_between)
    with pytest.raises(Refused) as caught:
        deployments.keep(second)
    assert caught.value.code == "exists"
    assert place.read().id == first.id
    with place.acquire("up") as lease:
        assert place.write(lease).snapshot.id == first.id


def test_forgetting_leaves_nothing_and_no_moment_in_which_another_run_could_lose_its_journal(
    deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = create(deployments)
    born: list[Journal] = []
    release = Lease.release

    def other_comes_at_once(self: Lease) -> None:
        release(self)
        if not born:
            born.append(create(deployments).read())

    with place.acquire("up") as lease:
        monkeypatch.setattr(Lease, "release", other_comes_at_once)
        place.forget(lease)
    assert place.read() == born[0]
    assert [path.name for path in deployments.root.iterdir()] == ["support-memory"]


def test_the_root_stays_as_its_owner_set_it(tmp_path: Path) -> None:
    """It may be a folder of many uses, `/tmp` or a project's; what memdeploy makes in it is private."""
    (tmp_path / "place").mkdir()
    (tmp_path / "place").chmod(0o755)  # whatever the umask
    place = create(Deployments(tmp_path / "place"))
    assert (tmp_path / "place").stat().st_mode & 0o777 == 0o755
    assert place.folder.stat().st_mode & 0o777 == 0o700
    create(Deployments(tmp_path / "new"))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    deployments = Deployments(tmp_path / "file")
    assert deployments.names() == ()
    with pytest.raises(NoSuchDeployment):
        deployments.open("support-memory")
    with pytest.raises(JournalError, match="file"):
        create(deployments)


def test_stray_files_among_what_is_shared_are_no_deployments(deployments: Deployments) -> None:
    deployments.shared("gcp/p/r", marker="shared-r", binding="real", provider="gcp", identity={})
    (deployments.root / "_shared" / ".DS_Store").write_text("")
    assert len(deployments.shared_places()) == 1


def test_a_link_in_place_of_a_deployment_is_not_followed_for_its_lease_either(
    deployments: Deployments, tmp_path: Path
) -> None:
    place = create(deployments)
    place.folder.rename(tmp_path / "elsewhere")
    place.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="symbolic links are not followed"):
        place.acquire("up")
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["journal.1.json"]


def test_any_text_of_an_event_is_read_back(deployments: Deployments) -> None:
    runs = create(deployments).runs()
    texts = ["a\u2028b", "c\x85d", "lone \udc80"]
    with runs.begin("up", at=1.0) as log:
        for text in texts:
            log(Event(EventKind.NOTICE, 1.0, None, {"text": text}))
    assert [event["data"]["text"] for event in read_log(runs.paths()[0])] == texts


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_log_that_cannot_be_written_stops_no_run(deployments: Deployments) -> None:
    """The journal decides; a full disk stops the run there, before the next call, and says so."""
    runs = create(deployments).runs()
    log = runs.begin("up", at=1.0)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, log._file.fileno())
    os.close(full)
    log(Event(EventKind.NOTICE, 1.0))
    log(Event(EventKind.NOTICE, 2.0))
    log.close()


def test_a_place_that_cannot_be_written_is_named(deployments: Deployments) -> None:
    place = create(deployments)
    (place.folder / "runs").write_text("in the way")
    with pytest.raises(JournalError, match="runs"):
        place.runs().begin("up", at=1.0)


def test_one_that_cannot_be_looked_into_hides_no_other(deployments: Deployments) -> None:
    """In a root that several users share, the folders of others are closed to us. Here: a link that leads nowhere."""
    create(deployments)
    (deployments.root / "other-memory").symlink_to("other-memory")
    first, second = deployments.list()
    assert (first.name, second.name) == ("other-memory", "support-memory")
    assert isinstance(first.error, JournalError)
    assert second.journal is not None
