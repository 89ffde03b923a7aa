"""The estimate against the sums of the pricing research."""

import pytest

from memdeploy.config.model import Deployment, Profile, Provider
from memdeploy.providers.gcp import costs


def deployment(**changes: object) -> Deployment:
    return Deployment.model_validate({"provider": Provider.GCP, **changes})


@pytest.mark.parametrize(
    ("profile", "low", "high"), [(Profile.SMALL, 20, 32), (Profile.STANDARD, 78, 90), (Profile.PRODUCTION, 290, 380)]
)
def test_profiles_cost_what_the_table_says(profile: Profile, low: float, high: float) -> None:
    assert low <= costs.total(costs.by_step(deployment(profile=profile))) <= high


def test_a_stopped_instance_costs_its_storage_only() -> None:
    kept, running = costs.kept(deployment()), costs.by_step(deployment())
    assert kept["postgres.instance"] < running["postgres.instance"] / 10
    assert kept["neo4j.disk"] == running["neo4j.disk"]
    assert "neo4j.vm" not in kept


def test_a_minimum_of_instances_costs_money() -> None:
    assert costs.by_step(deployment())["service"] == 0
    assert costs.by_step(deployment(service={"instances": {"min": 1}}))["service"] > 50


@pytest.mark.parametrize("profile", ["small", "standard", "production"])
def test_the_lines_are_what_the_sum_is_made_of(profile: str) -> None:
    lines = costs.lines(deployment(profile=profile))
    assert all(line.usd == pytest.approx(line.quantity * line.unit_price) for line in lines)
    assert sum(line.usd for line in lines) == pytest.approx(
        costs.total(costs.by_step(deployment(profile=profile))), abs=0.05
    )


def test_a_mode_pays_for_what_it_has() -> None:
    external = costs.by_step(deployment(neo4j={"mode": "external", "uri": "neo4j+s://x.example"}))
    assert not {"neo4j.vm", "neo4j.disk"} & set(external)
    sidecar = costs.by_step(deployment(neo4j={"mode": "sidecar"}))
    assert sidecar["service"] > 100  # one instance with both containers, always
    assert "neo4j.vm" not in sidecar


def test_a_disk_that_another_mode_left_behind_is_priced() -> None:
    before, now = deployment(), deployment(neo4j={"mode": "sidecar"})
    assert costs.kept(now)["neo4j.disk"] == costs.by_step(before)["neo4j.disk"]
