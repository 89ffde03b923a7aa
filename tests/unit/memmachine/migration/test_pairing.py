"""Which memory is which, and which travel together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest

from memdeploy.memmachine.migration.pairing import FIELDS, Pairing, Verdict, batches, held, marks
from memdeploy.memmachine.records import Episode, instant

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def episode(uid: str, second: float = 0, **changes: Any) -> Episode:
    fields: dict[str, Any] = {
        "content": f"memory {uid}", "producer": "ann", "role": "user", "produced_for": "bot", "type": "message",
        "metadata": {},
    }  # fmt: skip
    return Episode(uid=uid, created_at=NOON + dt.timedelta(seconds=second), **{**fields, **changes})


def copy(one: Episode, uid: str, **changes: Any) -> Episode:
    return Episode(**{**vars(one), "uid": uid, **changes})


def paired(old: Iterable[Episode], new: Iterable[Episode], noted: dict[str, str]) -> tuple[list[Verdict], Pairing]:
    pairing = Pairing(old, held(new), noted)
    return list(pairing), pairing


def test_what_is_noted_and_equal_is_the_same() -> None:
    one = episode("1")
    [verdict], pairing = paired([one], [copy(one, "a")], {"1": "a"})
    assert (verdict.kind, verdict.uid) == ("same", "a")
    assert (pairing.extra, pairing.gone, pairing.count) == ([], [], 1)


CHANGES: dict[str, Any] = {
    "created_at": NOON + dt.timedelta(microseconds=1), "content": "memory 1 ", "producer": "bob", "role": "assistant",
    "produced_for": "", "type": "other", "metadata": {"k": "v"},
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_counts(field: str) -> None:
    one = episode("1")
    [verdict], pairing = paired([one], [copy(one, "a", **{field: CHANGES[field]})], {"1": "a"})
    assert (verdict.kind, verdict.fields) == ("differs", (field,))
    assert pairing.extra == []


def test_every_field_has_a_change_here() -> None:
    assert set(CHANGES) == set(FIELDS)
    assert set(FIELDS) | {"uid"} == set(vars(episode("1")))


def test_the_order_of_metadata_means_nothing() -> None:
    assert marks(episode("1", metadata={"a": "1", "b": "2"})) == marks(episode("1", metadata={"b": "2", "a": "1"}))


def test_what_nobody_noted_is_found_by_its_fields_each_one_once() -> None:
    twins = [episode("1", content="yes"), episode("2", content="yes"), episode("3", content="yes")]
    verdicts, pairing = paired(twins, [copy(twins[0], "a"), copy(twins[0], "b")], {})
    assert [(v.kind, v.uid) for v in verdicts] == [("unnoted", "a"), ("unnoted", "b"), ("missing", "")]
    assert pairing.extra == []


def test_what_was_noted_for_one_is_not_given_to_its_twin() -> None:
    twins = [episode("1", content="yes"), episode("2", content="yes")]
    verdicts, _ = paired(twins, [copy(twins[0], "a")], {"2": "a"})
    assert [(v.kind, v.uid) for v in verdicts] == [("missing", ""), ("same", "a")]


def test_a_batch_that_came_twice_is_extra_and_what_is_gone_is_told() -> None:
    one = episode("1")
    _, pairing = paired([one], [copy(one, "late"), copy(one, "a"), copy(one, "c")], {"1": "a", "7": "c"})
    assert pairing.extra == ["late", "c"]
    assert pairing.gone == ["7"]


def test_a_noted_memory_that_is_not_there_any_more_is_missing() -> None:
    [verdict], _ = paired([episode("1")], [], {"1": "a"})
    assert verdict.kind == "missing"


def test_a_page_that_moved_brings_none_twice() -> None:
    one = episode("1")
    verdicts, pairing = paired([one, one], [copy(one, "a"), copy(one, "a")], {"1": "a"})
    assert len(verdicts) == pairing.count == 1
    assert pairing.extra == []


def test_another_order_is_counted() -> None:
    three = [episode(uid) for uid in "123"]
    new = [copy(one, one.uid * 2) for one in (three[0], three[2], three[1])]
    _, pairing = paired(three, new, {uid: uid * 2 for uid in "123"})
    assert pairing.reordered == 1


def sizes(seconds: Iterable[float], size: int) -> list[int]:
    memories = [episode(str(n), second) for n, second in enumerate(seconds)]
    made = list(batches(memories, size))
    assert [one for batch in made for one in batch] == memories
    return [len(batch) for batch in made]


def test_batches_never_split_one_instant() -> None:
    assert sizes([0, 1, 2, 3, 4], 2) == [2, 2, 1]
    assert sizes([0, 1, 1, 1, 2], 2) == [4, 1]
    assert sizes([1] * 7, 2) == [7]
    assert sizes([0, 0, 1], 2) == [2, 1]
    assert sizes([], 2) == []


def test_times_are_instants_and_not_texts() -> None:
    assert instant("2026-01-01T12:00:00Z") == instant("2026-01-01T13:00:00+01:00") == NOON
    assert instant("2026-01-01T12:00:00.5Z") > instant("2026-01-01T12:00:00Z")
    assert instant("2026-01-01T12:00:00") == NOON


def test_a_memory_of_the_list_becomes_the_message_that_made_it() -> None:
    listed = {
        "uid": 12, "content": "it rains", "session_key": "o/p", "created_at": "2026-01-01T12:00:00.000001Z",
        "producer_id": "ann", "producer_role": "user", "produced_for_id": "bot", "episode_type": "message",
        "metadata": {"place": "here"},
    }  # fmt: skip
    assert Episode.read(listed).message == {
        "content": "it rains", "producer": "ann", "role": "user", "produced_for": "bot", "episode_type": "message",
        "timestamp": "2026-01-01T12:00:00.000001+00:00", "metadata": {"place": "here"},
    }  # fmt: skip


def test_no_content_is_shown() -> None:
    assert "secret" not in repr(episode("1", content="secret", metadata={"k": "secret"}))
