"""The catalog of prices through the real client: services, SKUs in pages, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.contract.rehearsal.embedded import embedded

COMPUTE = "services/6F81-5844-456A"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Any]:
    with embedded(tmp_path) as cloud:
        yield cloud.api("cloudbilling", "v1").services()


def test_services_have_names_that_their_skus_are_listed_by(services: Any) -> None:
    found = {one["displayName"]: one["name"] for one in services.list().execute()["services"]}
    assert found["Compute Engine"] == COMPUTE
    for name in found.values():
        skus = services.skus().list(parent=name).execute().get("skus", [])
        assert all(sku["name"] == f"{name}/skus/{sku['skuId']}" for sku in skus)


def test_pages_hold_every_sku_once(services: Any) -> None:
    whole = services.skus().list(parent=COMPUTE).execute()["skus"]
    request, found = services.skus().list(parent=COMPUTE, pageSize=100), []
    while request is not None:
        answer = request.execute()
        assert len(answer["skus"]) <= 100
        found += answer["skus"]
        request = services.skus().list_next(request, answer)
    assert [sku["skuId"] for sku in found] == [sku["skuId"] for sku in whole]
    assert len({sku["skuId"] for sku in found}) == len(found) > 300


def test_a_price_is_in_units_and_nanos_after_what_is_free(services: Any) -> None:
    run = services.skus().list(parent="services/152E-C115-5142").execute()["skus"]
    [sku] = [one for one in run if one["description"] == "Services CPU (Instance-based billing) in us-central1"]
    assert (sku["serviceRegions"], sku["category"]["usageType"]) == (["us-central1"], "OnDemand")
    expression = sku["pricingInfo"][0]["pricingExpression"]
    assert expression["usageUnit"] == "s"
    free, paid = expression["tieredRates"]
    assert (free["unitPrice"]["nanos"], paid["unitPrice"]) == (0, {"currencyCode": "USD", "units": "0", "nanos": 18000})
    assert paid["startUsageAmount"] > 0


@pytest.mark.parametrize(
    ("options", "code"), [({"parent": "services/NONE"}, 404), ({"parent": COMPUTE, "currencyCode": "EUR"}, 400)]
)
def test_what_there_is_not_is_refused(services: Any, options: dict[str, str], code: int) -> None:
    with pytest.raises(HttpError) as refused:
        services.skus().list(**options).execute()
    assert json.loads(refused.value.content)["error"]["code"] == code
