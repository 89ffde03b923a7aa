"""What each server may use."""

from __future__ import annotations

import pytest

from memdeploy.config.model import Profile, ServiceOptions
from memdeploy.providers.local import sizes
from memdeploy.providers.local.sizes import SIZES, Size


@pytest.mark.parametrize("profile", list(Profile))
def test_neo4js_parts_fit_into_its_limit(profile: Profile) -> None:
    found = SIZES[profile]
    assert found.heap >= 512
    assert found.heap + found.pages + 500 <= found.neo4j.memory  # the rest of a Java process


def test_every_profile_is_larger_than_the_one_before() -> None:
    small, standard, production = (SIZES[profile] for profile in Profile)
    for one, next_ in ((small, standard), (standard, production)):
        assert one.total(1, neo4j=True, model=False) < next_.total(1, neo4j=True, model=False)


def test_own_sizes_of_the_service_count() -> None:
    found = sizes.of(Profile.SMALL, ServiceOptions(cpu="2", memory="3Gi"))
    assert found.service == Size(3072, 2.0)
    assert found.neo4j == SIZES[Profile.SMALL].neo4j
    assert sizes.of(Profile.SMALL, ServiceOptions()).service == SIZES[Profile.SMALL].service


def test_the_sum_counts_instances_and_what_there_is() -> None:
    small = SIZES[Profile.SMALL]
    bare = small.total(1, neo4j=False, model=False)
    assert small.total(3, neo4j=True, model=True) == bare + 2 * small.service.memory + 1280 + small.model.memory


@pytest.mark.parametrize(("count", "text"), [(61_234, "61 kB"), (999_999, "1000 kB"), (3_400_000, "3.4 MB")])
def test_bytes_for_people(count: int, text: str) -> None:
    assert sizes.words(count) == text
