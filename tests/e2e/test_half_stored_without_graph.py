"""The same words where there is neither PostgreSQL nor Neo4j: SQLite, segments, and an index of vectors on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.stack import NEO4J_PASSWORD, Stack

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


def test_halves_in_files_are_counted_and_repaired(stack: Stack) -> None:
    code = (Path(__file__).parent / "graphless_inside.py").read_text()
    ended = stack.end(stack.python(code, stack.environment("nobody", "none", NEO4J_PASSWORD)))
    assert ended.code == 0, ended.stderr[-3000:]
    said = json.loads(ended.stdout)
    no_segments, no_vector, not_listed, *rest = said["uids"]

    assert said["before"] == [1] * 6
    assert (said["clean"]["code"], said["clean"]["consistent"]) == (0, True)
    assert said["damaged"] == [1, 1, True]

    [line] = said["counted"]["projects"]
    assert (line["stored"], line["searchable"], line["consistent"]) == (5, 4, False)
    assert sorted(line["half"]) == sorted([no_segments, no_vector])
    assert line["stray_count"] == 1  # under its event's id: the uid cannot be told from it

    [line] = said["repaired"]["projects"]
    assert (said["repaired"]["repaired"], line["half"], line["stray_count"]) == (2, [], 1)
    assert (line["stored"], line["searchable"]) == (5, 6)
    assert said["again"]["repaired"] == 0
    assert said["after"] == [1, 1, 0, 1, 1, 1]  # what is not stored is not shown, though its vector is there
    assert said["listed"] == sorted([no_segments, no_vector, *rest])
    assert not_listed not in said["listed"]
