"""What was left half done is gone on with by the command that knows how, never by `up`."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from memdeploy.engine.results import RunResult
from memdeploy.errors import ExitCode, Refused
from memdeploy.lifecycle import destroy, moving, restore, unfinished, upgrade
from memdeploy.lifecycle.changing import Changing
from memdeploy.lifecycle.dataruns import differing
from memdeploy.lifecycle.migrate import default_name
from tests.unit.lifecycle.toys import deployment, journal, record

UPGRADE = {"from": "0.2.6", "to": "0.3.9", "archive": None, "configuration": {}}


@pytest.mark.parametrize(
    ("facts", "code", "command"),
    [
        ({"upgrade": UPGRADE}, "upgrade-interrupted", "memdeploy rollback --name memmachine"),
        (
            {"upgrade": {**UPGRADE, "archive": "/safe/a.tar", "returning": "it failed"}},
            "rollback-interrupted",
            "memdeploy rollback --name memmachine",
        ),
        ({"restoring": {"archive": "/safe/a.tar"}}, "restore-interrupted", "memdeploy restore /safe/a.tar"),
    ],
)
def test_it_is_refused_and_says_what_ends_it(facts: dict[str, object], code: str, command: str) -> None:
    with pytest.raises(Refused) as raised:
        unfinished.refuse(journal("migrating", facts=facts))
    assert (raised.value.code, raised.value.exit_code) == (code, ExitCode.REFUSED)
    assert command in str(raised.value.suggestion)


@pytest.mark.parametrize(
    ("delete_data", "status", "refused"),
    [(False, "migrating", True), (True, "migrating", False), (False, "destroying", False)],
)
def test_what_stays_at_rest_has_to_be_whole(delete_data: bool, status: str, refused: bool) -> None:
    facts = {"restoring": {"archive": "/safe/a.tar"}}
    request = SimpleNamespace(delete_data=delete_data, finish=False)
    changing = cast(
        Changing, SimpleNamespace(session=SimpleNamespace(request=request), journal=journal(status, facts=facts))
    )
    if not refused:
        destroy._refuse_half_loaded(changing)
        return
    with pytest.raises(Refused) as raised:
        destroy._refuse_half_loaded(changing)
    assert "memdeploy restore /safe/a.tar" in str(raised.value.suggestion)
    assert "--delete-data" in str(raised.value.suggestion)


@pytest.mark.parametrize("facts", [{}, {"previous": UPGRADE}, {"migration": {"into": "new"}}, {"backups": []}])
def test_nothing_else_stands_in_the_way(facts: dict[str, object]) -> None:
    unfinished.refuse(journal(facts=facts))


@pytest.mark.parametrize("status", ["new", "deploying", "failed"])
def test_a_restore_goes_on_with_an_up_that_never_came_to_its_service(status: str) -> None:
    served = {"service": record("service", outputs={"uri": "http://127.0.0.1:8080"})}
    assert restore._half_made(journal(status))
    assert not restore._half_made(journal(status, steps=served))


@pytest.mark.parametrize("status", ["ready", "retained", "destroying", "leftovers", "migrating"])
def test_what_rests_or_goes_is_not_deployed_by_a_restore(status: str) -> None:
    assert not restore._half_made(journal(status))


def test_an_upgrade_that_was_on_its_way_back_goes_on_with_that_and_deploys_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between the two databases: deployed now, the new release would take what is half loaded for its own."""
    ways: list[str] = []

    def back(changing: Changing, saved: Mapping[str, Any], why: str) -> RunResult:
        ways.append(why)
        return RunResult(())

    monkeypatch.setattr(moving, "back", back)
    monkeypatch.setattr(moving, "to", lambda *_: ways.append("to"))
    session = SimpleNamespace(deployment=deployment(), tell=lambda *_, **__: None)
    changing = cast(Changing, SimpleNamespace(session=session, journal=journal("migrating")))
    saved = {**UPGRADE, "archive": "/safe/a.tar", "returning": "no table"}
    found, error = upgrade._gone_on(changing, saved, "0.3.9")
    assert (found, ways) == (None, ["no table"])
    assert error is not None
    assert (error.code, error.message) == (
        "upgrade-failed",
        "the upgrade to 0.3.9 failed: no table. 0.2.6 is back, with all its memories",
    )


def counted(**projects: tuple[int, int]) -> dict[str, object]:
    return {"projects": [{"project": k, "stored": a, "searchable": b} for k, (a, b) in projects.items()]}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (counted(a=(3, 3)), counted(a=(3, 2)), "3 stored and 2 searchable instead of 3 stored and 3 searchable"),
        (counted(a=(3, 3)), counted(), "none instead of 3 stored and 3 searchable"),
        (counted(), counted(a=(1, 1)), "1 stored and 1 searchable instead of none"),
    ],
)
def test_a_project_that_holds_something_else_is_named(
    before: dict[str, object], after: dict[str, object], words: str
) -> None:
    assert differing(before, after) == [f"a: {words}"]


def test_the_same_counts_differ_in_nothing_whatever_their_order() -> None:
    assert differing(counted(a=(3, 3), b=(1, 1)), counted(b=(1, 1), a=(3, 3))) == []


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("memmachine", "memmachine-040"),
        ("a-very-long-name-20x", "a-very-long-name-040"),
        ("abcdefghijklmno-xyzz", "abcdefghijklmno-040"),
    ],
)
def test_a_new_deployment_is_named_after_the_old_one_and_its_release(name: str, new: str) -> None:
    assert default_name(name, "0.4.0") == new
    assert len(new) <= 20
