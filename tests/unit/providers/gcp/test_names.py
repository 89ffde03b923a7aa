from __future__ import annotations

import pytest

from memdeploy.config.gcp import GcpOptions
from memdeploy.providers.gcp import markers, space
from memdeploy.providers.gcp.names import Names, default_zone, last, relative

LONGEST = "a" + "b" * 19  # config.model.Name takes up to 20


def names(deployment: str = "support-memory", region: str = "us-central1") -> Names:
    return Names.of(GcpOptions(region=region), "proj-1", deployment, "x7k2")


def test_an_account_id_fits_its_limit_of_30() -> None:
    assert len(names(LONGEST).own("role")) == 30
    assert names().account_email("run") == "support-memory-x7k2-run@proj-1.iam.gserviceaccount.com"


@pytest.mark.parametrize("role", ["", "vrfyx"])
def test_a_role_has_one_to_four_letters(role: str) -> None:
    with pytest.raises(ValueError, match="1 to 4"):
        names().own(role)


def test_shared_names_hold_the_region_and_no_suffix() -> None:
    for name in (names().shared, names().shared_hub, names().shared_range):
        assert "us-central1" in name
        assert "x7k2" not in name
        assert len(name) <= 63


def test_the_zone_is_the_options_or_the_regions_first() -> None:
    assert names().zone == "us-central1-a"
    assert default_zone("europe-west1") == "europe-west1-b"
    given = GcpOptions(region="us-central1", zone="us-central1-f")
    assert Names.of(given, "p", "d", "x7k2").zone == "us-central1-f"


def test_links_are_compared_without_host_and_version() -> None:
    full = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"
    assert relative(full) == relative("projects/p/global/networks/n") == "projects/p/global/networks/n"
    assert last(full) == "n"


def test_only_the_id_proves_ownership() -> None:
    mine = markers.of_deployment("abcdef123456", "demo", {"team": "x", "memdeploy": "forged"})
    assert mine.labels == {"team": "x", "memdeploy": "abcdef123456", "memdeploy-name": "demo"}
    assert mine.on_labels({"memdeploy": "abcdef123456"})
    assert not mine.on_labels({"memdeploy": "zzzzzz123456", "memdeploy-name": "demo"})
    assert not mine.on_labels(None)
    assert mine.on_description("memdeploy/abcdef123456")
    assert not mine.on_description("memdeploy/abcdef1234567")
    assert not mine.on_description(None)


def test_others_labels_are_no_drift() -> None:
    mine = markers.of_deployment("abcdef123456", "demo", {"team": "x"})
    assert mine.same_labels({**mine.labels, "goog-managed": "1"}) == mine.labels
    assert mine.same_labels({"memdeploy": "abcdef123456", "team": "y"}) != mine.labels


def test_the_shared_marker_is_the_same_from_every_machine() -> None:
    assert markers.of_shared("us-central1").description == "memdeploy/shared-us-central1"


def test_a_space_is_split_into_peering_range_and_subnets() -> None:
    assert str(space.peering_range("10.70.0.0/15")) == "10.70.0.0/16"
    assert space.space_of("10.70.0.0/16") == "10.70.0.0/15"
    assert space.free_subnet("10.70.0.0/15", []) == "10.71.0.0/24"
    assert space.free_subnet("10.70.0.0/15", ["10.71.0.0/24", "10.71.1.128/25"]) == "10.71.2.0/24"
    assert space.free_subnet("10.70.0.0/15", ["10.0.0.0/8"]) is None
