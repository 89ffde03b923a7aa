"""Which SKU is meant, what it costs, and what is said when the catalog leaves a doubt or says nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import requests

from memdeploy.config.model import Deployment
from memdeploy.providers.gcp import catalog, costs
from memdeploy.providers.gcp.prices import TABLE

REGION = "europe-west1"
CPU = "Cloud SQL for PostgreSQL: Zonal - vCPU in Belgium"


def tier(start: float, usd: float, currency: str = "USD") -> dict[str, Any]:
    units = int(usd)
    money = {"currencyCode": currency, "units": str(units), "nanos": round((usd - units) * 1e9)}
    return {"startUsageAmount": start, "unitPrice": money}


def sku(
    description: str,
    *tiers: dict[str, Any],
    unit: str = "h",
    usage: str = "OnDemand",
    regions: tuple[str, ...] = (REGION,),
) -> dict[str, Any]:
    expression = {"usageUnit": unit, "tieredRates": list(tiers)}
    return {
        "description": description, "category": {"usageType": usage}, "serviceRegions": list(regions),
        "pricingInfo": [{"pricingExpression": expression}],
    }  # fmt: skip


GOOD = sku(CPU, tier(0, 0.0454))


@pytest.mark.parametrize(
    ("skus", "found"),
    [
        ([GOOD], 0.0454),
        ([GOOD, sku(CPU, tier(0, 0.02), usage="Commit1Yr"), sku(CPU, tier(0, 9), regions=("us-central1",))], 0.0454),
        ([GOOD, sku("Cloud SQL for PostgreSQL: Zonal - Enterprise Plus N vCPU in Belgium", tier(0, 0.05))], 0.0454),
        ([GOOD, sku("Cloud SQL for PostgreSQL: Zonal - 8 vCPU + 30GB RAM in Belgium", tier(0, 0.5))], 0.0454),
        ([sku(CPU, tier(0, 1.75))], 1.75),
        ([sku(CPU, tier(100, 0.04), tier(0, 0.0))], 0.04),
        ([GOOD, GOOD], 0.0454),
        ([], "no SKU"),
        ([GOOD, sku(f"{CPU} (new)", tier(0, 0.05))], "2 SKUs"),
        ([sku(CPU, tier(0, 0.0454), unit="d")], "another unit"),
        ([sku(CPU, tier(0, 0.0454, "EUR"))], "another unit"),
        ([sku(CPU, tier(0, 0.0))], "another unit"),
    ],
)
def test_a_price_is_told_without_doubt_or_not_at_all(skus: list[dict[str, Any]], found: float | str) -> None:
    judged = catalog.judged(TABLE["sql.cpu"], REGION, skus)
    if isinstance(found, str):
        assert isinstance(judged, str)
        assert found in judged
    else:
        assert judged == pytest.approx(found)


def test_the_price_that_counts_is_the_last_one() -> None:
    later = sku(CPU, tier(0, 0.05))["pricingInfo"]
    assert catalog.judged(TABLE["sql.cpu"], REGION, [{**GOOD, "pricingInfo": GOOD["pricingInfo"] + later}]) == 0.05


def test_snapshots_that_two_skus_may_be_are_left_to_the_table() -> None:
    places = [sku("Storage PD Snapshot in EU", tier(0, 0.065), unit="GiBy.mo")]
    places.append(sku("Storage PD Snapshot in Belgium", tier(0, 0.05), unit="GiBy.mo"))
    assert "2 SKUs" in str(catalog.judged(TABLE["snapshot"], REGION, places))


def clients(pages: Any) -> Any:
    return SimpleNamespace(cloudbilling=SimpleNamespace(pages=pages))


def test_a_service_that_is_not_listed_leaves_its_prices_to_the_table() -> None:
    def pages(method: str, key: str, **_: Any) -> list[dict[str, Any]]:
        return [{"name": "services/X", "displayName": "Cloud SQL"}] if method == "services.list" else [GOOD]

    rates, said = catalog.rates(clients(pages), REGION, ["sql.cpu", "e2.cpu"])
    assert rates == {"sql.cpu": pytest.approx(0.0454)}
    [text] = said
    assert text.startswith("e2.cpu: the catalog has no SKU of it in europe-west1; the table's price")


@pytest.mark.parametrize(
    ("raised", "says"),
    [(requests.ConnectionError("no route"), "no live prices"), (KeyError("pricingInfo"), "cannot be read")],
)
def test_no_answer_is_a_notice(raised: Exception, says: str) -> None:
    def pages(method: str, key: str, **_: Any) -> list[dict[str, Any]]:
        raise raised

    rates, said = catalog.rates(clients(pages), REGION, ["sql.cpu"])
    assert rates == {}
    assert len(said) == 1
    assert says in said[0]


def test_a_defect_of_ours_is_none_of_the_catalogs() -> None:
    def pages(method: str, key: str, **_: Any) -> list[dict[str, Any]]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        catalog.rates(clients(pages), REGION, ["sql.cpu"])


def test_lines_say_where_their_price_is_from() -> None:
    deployment = Deployment.model_validate({"provider": "gcp", "profile": "production"})
    assert {"sql.cpu.regional", "sql.storage.regional", "e2.cpu", "disk", "run.cpu"} <= set(costs.used(deployment))
    lines = costs.lines(deployment, {}, {"sql.cpu.regional": 0.1})
    live = [line for line in lines if line.source == "live"]
    assert [(line.what, line.usd) for line in live] == [("Cloud SQL CPU, in two zones", pytest.approx(2 * 730 * 0.1))]


def test_a_machine_whose_price_is_not_known_is_said() -> None:
    deployment = Deployment.model_validate({"provider": "gcp", "neo4j": {"machine": "n2-standard-4"}})
    assert "n2-standard-4, whose price is not known here" in costs.not_included(deployment)
    assert "whose price" not in costs.not_included(Deployment.model_validate({"provider": "gcp"}))
