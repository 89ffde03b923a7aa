"""Prices of now from the Cloud Billing Catalog, for the keys of our table. Needs no permission, only its API on.

https://cloud.google.com/billing/docs/reference/rest/v1/services.skus/list
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from memdeploy.providers.gcp import errors
from memdeploy.providers.gcp.clients import Clients
from memdeploy.providers.gcp.prices import PRICES_OF, TABLE, Price

PAGE = 5000  # the most there is: Compute Engine alone has tens of thousands of SKUs
Sku = Mapping[str, Any]
_TABLE = f"the table's price of {PRICES_OF} stays"


def rates(
    clients: Clients, region: str, wanted: Iterable[str], *, page_size: int = PAGE
) -> tuple[dict[str, float], tuple[str, ...]]:
    """(key -> dollars a unit, of those that the catalog tells without doubt; what is to be said of the others)."""
    keys = tuple(wanted)
    services = sorted({TABLE[key].service for key in keys})
    try:
        names = _names(clients, services, page_size)
        with ThreadPoolExecutor(max_workers=len(services) or 1) as pool:
            listed = pool.map(lambda service: _skus(clients, names.get(service), page_size), services)
            skus = dict(zip(services, listed, strict=True))
    except Exception as raised:
        why = _why(raised)
        if why is None:
            raise
        return {}, (f"no live prices: {why}; the table's of {PRICES_OF} are used",)
    found = {key: judged(TABLE[key], region, skus[TABLE[key].service]) for key in keys}
    told = {key: value for key, value in found.items() if isinstance(value, float)}
    return told, tuple(f"{key}: {value}; {_TABLE}" for key, value in found.items() if isinstance(value, str))


def judged(price: Price, region: str, skus: Iterable[Sku]) -> float | str:
    """Dollars a unit; or why the catalog does not tell. Several SKUs are no doubt while they cost the same."""
    rates = [_rate(sku, price.unit) for sku in skus if _is_it(sku, price, region)]
    known = {rate for rate in rates if rate is not None}
    if not rates:
        return f"the catalog has no SKU of it in {region}"
    if len(known) != 1 or None in rates:
        return f"{len(rates)} SKUs of the catalog may be it in {region}, or one in another unit"
    return known.pop()


def _is_it(sku: Sku, price: Price, region: str) -> bool:
    on_demand = sku.get("category", {}).get("usageType") == "OnDemand"
    described = re.fullmatch(price.sku, sku.get("description", "")) is not None
    return on_demand and described and region in sku.get("serviceRegions", ())


def _rate(sku: Sku, unit: str) -> float | None:
    """The first tier that costs anything: free allowances belong to the billing account. `pricingInfo` is in the order
    of time. None when it is told in another unit or currency."""
    expression = sku["pricingInfo"][-1]["pricingExpression"]
    if expression["usageUnit"] != unit:
        return None
    for tier in sorted(expression["tieredRates"], key=lambda tier: float(tier.get("startUsageAmount", 0))):
        money = tier["unitPrice"]
        usd = int(money.get("units", 0)) + int(money.get("nanos", 0)) / 1e9
        if money.get("currencyCode", "USD") != "USD":
            return None
        if usd > 0:
            return usd
    return None


def _names(clients: Clients, services: Collection[str], page_size: int) -> dict[str, str]:
    """Display name -> `services/ID`."""
    every = clients.cloudbilling.pages("services.list", "services", pageSize=page_size)
    return {one["displayName"]: one["name"] for one in every if one.get("displayName") in services}


def _skus(clients: Clients, parent: str | None, page_size: int) -> list[dict[str, Any]]:
    if parent is None:  # not listed any more under that name
        return []
    options = {"parent": parent, "currencyCode": "USD", "pageSize": page_size}
    return clients.cloudbilling.pages("services.skus.list", "skus", **options)


def _why(raised: Exception) -> str | None:
    """None for what is no answer of the catalog's, nor the lack of one."""
    error = errors.classify(raised)
    if error is not None:
        return error.message
    return "the catalog's answer cannot be read" if isinstance(raised, KeyError | TypeError | ValueError) else None
