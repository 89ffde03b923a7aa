"""What it means for a memory to be in one store only, and the names that both stores have for it."""

from __future__ import annotations

import json

import graph
import halves
import pytest
import relational
import rescue
import segments
from halves import Look, Project, Searchable, Task


def uids(*names: str) -> frozenset[str]:
    return frozenset(names)


def project(*stored: str, searched: bool = True, key: str = "o/p", **found: frozenset[str]) -> Project:
    return Project(key, uids(*stored), Searchable(**found), searched)


def look(*projects: Project) -> Look:
    return Look({one.key: one for one in projects})


def test_what_is_in_both_stores_is_consistent() -> None:
    one = project("1", "2", whole=uids("1", "2"))
    assert one.consistent
    assert halves.tasks(look(one)) == []


@pytest.mark.parametrize(
    ("one", "half", "stray"),
    [
        (project("1", "2", whole=uids("1")), ["2"], []),
        (project("1", "2", whole=uids("1"), partial=uids("2")), ["2"], []),
        (project("1", whole=uids("1"), doubled=uids("1")), ["1"], []),
        (project("1", whole=uids("1", "9")), [], ["9"]),
        (project("1", whole=uids("1"), partial=uids("9"), doubled=uids("9")), [], ["9"]),
        (project("1", "2", searched=False), [], []),
    ],
)
def test_half_is_what_a_repair_stores_and_stray_what_it_cannot(one: Project, half: list[str], stray: list[str]) -> None:
    line = one.line()
    assert (line["half"], line["stray"]) == (half, stray)
    assert one.consistent is not bool(half or stray)
    assert [list(task.uids) for task in halves.tasks(look(one))] == ([half] if half else [])


def test_loose_parts_are_counted_and_removed() -> None:
    one = project("1", whole=uids("1"), loose=uids("x"))
    assert not one.consistent
    assert halves.tasks(look(one)) == [Task("o/p", (), ("x",))]


def test_only_what_two_looks_agree_on_is_repaired() -> None:
    before = look(project("1", "2", "3"), project("7", key="o/gone"))
    after = look(project("1", "2", "3", "4", whole=uids("2")))
    assert halves.tasks(before, after) == [Task("o/p", ("1", "3"), ())]


def test_a_line_for_programs() -> None:
    whole = look(project("1", "2", whole=uids("1")), project("5", key="o/q", whole=uids("5")))
    line = json.loads(json.dumps(whole.line()))
    assert line["consistent"] is False
    assert line["total"] == {
        "stored": 3, "searchable": 2, "undigested": 0, "loose": 0, "half": 1, "stray": 0, "features": 0
    }  # fmt: skip
    assert [(one["project"], one["half"], one["consistent"]) for one in line["projects"]] == [
        ("o/p", ["2"], False), ("o/q", [], True),
    ]  # fmt: skip


def test_many_uids_are_named_up_to_a_limit_and_counted_beyond() -> None:
    line = project(*(str(n) for n in range(2500))).line()
    assert line["half_count"] == 2500
    assert line["half"] == [str(n) for n in range(1000)]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Episode_acme/alpha", "SANITIZED_Episode_u5f_acme_u2f_alpha"),
        ("Episode_a-b_c:d/ü", "SANITIZED_Episode_u5f_a_u2d_b_u5f_c_u3a_d_u2f_ü"),
    ],
)
def test_labels_as_memmachine_names_them(name: str, label: str) -> None:
    assert graph.sanitized(name) == label
    assert graph.plain(label) == name


def test_an_event_has_the_id_that_memmachine_gives_it() -> None:
    # uuid5 of memmachine-server 0.4.0's namespace, computed there.
    assert segments.event("6f1c2b1e-3b0a-4a53-9a55-0d5a3b7f9e11") == "062f6a80-81e8-5301-9118-0bf1f5d6ebbf"


def test_uids_as_the_api_writes_them() -> None:
    assert relational.text(12) == "12"
    assert relational.text("6f1c2b1e3b0a4a539a550d5a3b7f9e11") == "6f1c2b1e-3b0a-4a53-9a55-0d5a3b7f9e11"
    assert relational.uid_column({"uid", "content"}) == "uid"
    assert relational.uid_column({"id", "content"}) == "id"


def test_why_a_database_is_not_rescued() -> None:
    found = {"state": "used", "revision": "e8d4a37b69f2", "stored_by_new": {"history": 2, "citations": 0, "graph": 1}}
    assert rescue.told(found) == "0.4.0 has stored something in it (2 in history, 1 in graph)"
    assert rescue.told({**found, "state": "other", "stored_by_new": {}}) == (
        "this is the state of another release (revision e8d4a37b69f2)"
    )
