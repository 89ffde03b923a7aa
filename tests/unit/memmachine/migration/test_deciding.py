"""Between which releases, with what samples, into which sets: the pure parts of a migration."""

from __future__ import annotations

import itertools

import pytest

from memdeploy.errors import Refused
from memdeploy.memmachine.migration.compare import Comparison, Difference, Sample
from memdeploy.memmachine.migration.features import key
from memdeploy.memmachine.migration.inventory import may_carry
from memdeploy.memmachine.migration.run import Meter, Progress
from memdeploy.memmachine.migration.sets import tags
from memdeploy.memmachine.records import Feature, ProjectId
from tests.unit.memmachine.migration.test_pairing import episode

PROJECT = ProjectId("o", "p")


@pytest.mark.parametrize(
    ("old", "new"), [("0.3.9", "0.4.0"), ("0.4.0", "0.4.0"), ("0.3.9", "0.3.9"), ("0.3.9", "1.0.0")]
)
def test_releases_between_which_memories_are_carried(old: str, new: str) -> None:
    may_carry(old, new)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [("0.2.6", "0.4.0", "migrate-from"), (None, "0.4.0", "migrate-from"), ("0.4.0", "0.3.9", "migrate-to"),
     ("0.4.0", None, "migrate-to")],
)  # fmt: skip
def test_releases_between_which_they_are_not(old: str | None, new: str | None, code: str) -> None:
    with pytest.raises(Refused) as caught:
        may_carry(old, new)
    assert caught.value.code == code
    assert caught.value.suggestion


@pytest.mark.parametrize(("count", "taken"), [(0, 0), (5, 5), (10, 10), (11, 6), (1000, 8)])
def test_a_sample_is_spread_evenly_and_never_too_large(count: int, taken: int) -> None:
    sample = Sample(10)
    for n in range(count):
        sample.see(PROJECT, episode(str(n)), str(n))
    places = [int(uid) for _, _, uid in sample.taken]
    assert len(places) == taken
    assert len({b - a for a, b in itertools.pairwise(places)}) <= 1


def test_no_sample_takes_none() -> None:
    sample = Sample(0)
    sample.see(PROJECT, episode("1"), "1")
    assert sample.taken == []


def test_a_comparison_holds_when_all_is_equal_and_found() -> None:
    result = Comparison(sampled=2, found=2)
    assert result.holds
    assert not Comparison(sampled=2, found=1).holds
    for n in range(150):
        result.note(Difference("o/p", "episode", "content", str(n)))
    assert (result.different, len(result.differences), result.holds) == (150, 100, False)


def test_a_feature_is_the_same_by_all_that_is_carried_of_it() -> None:
    one = Feature("1", "set", "category", "tag", "name", "value", {"a": "1"}, ("u1", "u2"))
    assert key(one) == key(Feature(**{**vars(one), "id": "2"}))
    for field, other in [("set_id", "x"), ("category", "x"), ("tag", "x"), ("name", "x"), ("value", "x"),
                         ("metadata", {}), ("citations", ("u1",))]:  # fmt: skip
        assert key(one) != key(Feature(**{**vars(one), field: other})), field


def test_a_set_type_without_tags_is_listed_with_an_empty_one() -> None:
    assert tags({"tags": [""]}) == ()
    assert tags({"tags": ["team", "producer_id"]}) == ("producer_id", "team")


def test_progress_is_told_now_and_then_and_at_the_end() -> None:
    told: list[Progress] = []
    times = iter([0.0, 0.1, 0.2, 1.0, 1.1])
    meter = Meter(100, told.append, lambda: next(times))
    for count in (10, 10, 60, 20):
        meter.moved(count)
    assert [(one.done, one.total, round(one.rate)) for one in told] == [(80, 100, 80), (100, 100, 91)]
