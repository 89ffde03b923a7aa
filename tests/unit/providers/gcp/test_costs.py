"""The estimate against the sums of the pricing research."""

from collections import defaultdict

import pytest

from memdeploy.config.model import Deployment, Profile, Provider
from memdeploy.providers.gcp import costs


def by_step(found: Deployment) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for line in costs.lines(found):
        sums[line.step] += line.usd
    return dict(sums)


def deployment(**changes: object) -> Deployment:
    return Deployment.model_validate({"provider": Provider.GCP, **changes})


@pytest.mark.parametrize(
    ("profile", "low", "high"), [(Profile.SMALL, 20, 32), (Profile.STANDARD, 78, 90), (Profile.PRODUCTION, 290, 380)]
)
def test_profiles_cost_what_the_table_says(profile: Profile, low: float, high: float) -> None:
    assert low <= sum(by_step(deployment(profile=profile)).values()) <= high


def test_a_stopped_instance_costs_its_storage_only() -> None:
    kept, running = costs.kept(deployment()), by_step(deployment())
    assert kept["postgres.instance"] < running["postgres.instance"] / 10
    assert kept["neo4j.disk"] == pytest.approx(running["neo4j.disk"])
    assert "neo4j.vm" not in kept


def test_a_minimum_of_instances_costs_money() -> None:
    assert by_step(deployment())["service"] == 0
    assert by_step(deployment(service={"instances": {"min": 1}}))["service"] > 50


@pytest.mark.parametrize("profile", ["small", "standard", "production"])
def test_a_line_is_a_quantity_at_a_price(profile: str) -> None:
    lines = costs.lines(deployment(profile=profile))
    assert all(line.usd == pytest.approx(line.quantity * line.unit_price) for line in lines)


def test_a_disk_that_is_larger_than_configured_is_paid_for() -> None:
    records = {"neo4j.disk": {"disk_gb": 50}, "postgres.instance": {"disk_gb": 5}}
    quantities = {line.what: line.quantity for line in costs.lines(deployment(), records)}
    assert (quantities["data disk"], quantities["Cloud SQL storage"]) == (50, 10)
    assert costs.kept(deployment(), records)["neo4j.disk"] == 7.5


@pytest.mark.parametrize(
    ("machine", "low", "high"), [("e2-small", 12, 12.4), ("e2-medium", 24.2, 24.6), ("e2-standard-2", 48.6, 49.1)]
)
def test_a_machine_costs_what_its_parts_do(machine: str, low: float, high: float) -> None:
    lines = costs.lines(deployment(neo4j={"machine": machine}))
    assert low < sum(line.usd for line in lines if line.what.startswith(machine)) < high


def test_a_mode_pays_for_what_it_has() -> None:
    external = by_step(deployment(neo4j={"mode": "external", "uri": "neo4j+s://x.example"}))
    assert not {"neo4j.vm", "neo4j.disk"} & set(external)
    sidecar = by_step(deployment(neo4j={"mode": "sidecar"}))
    assert sidecar["service"] > 100  # one instance with both containers, always
    assert "neo4j.vm" not in sidecar


def test_a_disk_that_another_mode_left_behind_is_priced() -> None:
    before, now = deployment(), deployment(neo4j={"mode": "sidecar"})
    assert costs.kept(now)["neo4j.disk"] == pytest.approx(by_step(before)["neo4j.disk"], abs=0.01)
