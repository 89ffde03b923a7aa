"""`plan --live-prices`: today's prices of the deployment's region, and never a plan that fails for want of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdeploy.providers.base import RehearsalTarget
from memdeploy.providers.gcp import catalog
from memdeploy.providers.gcp.clients import Clients
from memdeploy.providers.gcp.prices import TABLE
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

PLAN = ("plan", "--provider", "gcp", "--project", "proj-1")


def test_by_line_in_the_deployments_region(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    table = memdeploy(*PLAN, "--costs").data
    home, abroad = (memdeploy(*PLAN, "--live-prices", "--region", r).data for r in ("us-central1", "europe-west2"))
    assert {line["source"] for line in table["costs"]["lines"]} == {"table"}
    for found in (home, abroad):
        assert {line["source"] for line in found["costs"]["lines"]} == {"live"}
        assert (found["prices"], found["costs"]["prices"]) == ("live", "live")
        assert "notices" not in found["costs"]
        assert "other regions" not in found["costs"]["not_included"]
    assert home["cost_per_month"] == pytest.approx(table["cost_per_month"], abs=0.1)
    assert abroad["cost_per_month"] == pytest.approx(1.1 * home["cost_per_month"], abs=0.1)
    assert [request for request in cloud.requests() if request["mutates"]] == []


def test_an_instance_with_a_standby_has_prices_of_its_own(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    found = memdeploy(*PLAN, "--live-prices", "--profile", "production").data["costs"]["lines"]
    cpu = next(line for line in found if line["what"] == "Cloud SQL CPU, in two zones")
    assert (cpu["unit_price"], cpu["source"]) == (pytest.approx(0.0826), "live")
    assert next(line for line in found if line["unit"] == "second")["unit_price"] == 0.000018  # past the free tier


def test_people_see_which_prices_are_live(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    said = memdeploy(*PLAN, "--live-prices", json_output=False).stdout
    assert "live" in next(line for line in said.splitlines() if "Cloud SQL CPU" in line)
    assert "An estimate by list prices of now" in " ".join(said.split())


@pytest.mark.parametrize("fault", ["503@cloudbilling.services.list=99x", "403@cloudbilling.services.skus.list=99x"])
def test_without_the_catalog_it_is_the_table_and_a_notice(memdeploy: Memdeploy, cloud: Rehearsed, fault: str) -> None:
    cloud.faults(fault)
    found = memdeploy(*PLAN, "--live-prices").data
    assert {line["source"] for line in found["costs"]["lines"]} == {"table"}
    [said] = found["costs"]["notices"]
    assert said.startswith("no live prices: ")
    assert "2026-11" in said
    assert found["prices"] == "2026-11"
    assert "no live prices" in memdeploy(*PLAN, "--live-prices", json_output=False).stdout


def test_all_pages_are_read(cloud: Rehearsed, tmp_path: Path) -> None:
    clients = Clients("proj-1", rehearsal=RehearsalTarget(cloud.id, cloud.endpoint))
    whole = catalog.rates(clients, "europe-west1", TABLE)
    since = cloud.last_request()
    assert catalog.rates(clients, "europe-west1", TABLE, page_size=150) == whole
    assert set(whole[0]) == set(TABLE)
    asked = [request["path"] for request in cloud.requests(since)]
    assert len(asked) > len(set(asked)) > 1
