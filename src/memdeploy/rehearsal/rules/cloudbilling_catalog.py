"""The Cloud Billing Catalog: services and the SKUs of what deployments are made of, in the catalog's form.
https://cloud.google.com/billing/docs/reference/rest/v1/services.skus

Service ids of Compute Engine and Cloud SQL, and descriptions of their SKUs, as public repositories quote them from the
catalog's answers; those of Cloud Run (and its service id) as infracost's source has them or from memory, as are the
resource groups. us-central1's prices are list prices; elsewhere they are made up (E), so that a region shows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from memdeploy.rehearsal.call import Call, Handler, stamp
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import invalid, not_found
from memdeploy.rehearsal.rules.compute_places import REGIONS

COMPUTE, SQL, RUN = "6F81-5844-456A", "9662-B51E-5089", "152E-C115-5142"
SERVICES: Mapping[str, str] = {
    "Artifact Registry": "149C-F9EC-3994",
    "Cloud Build": "E5B1-9A3B-8B1E",
    "Cloud Run": RUN,
    "Cloud SQL": SQL,
    "Compute Engine": COMPUTE,
    "Secret Manager": "EE2F-D110-890C",
}
DEFAULT_PAGE = 5000  # discovery document: "Requested page size. Defaults to 5000."
# Regions of one price share a SKU that is called by the continent.
SHARED: Mapping[str, tuple[str, ...]] = {
    "Americas": ("us-central1", "us-east1", "us-west1"),
    "EMEA": ("europe-west1",),
    "APAC": ("asia-east1",),
}
CITIES: Mapping[str, str] = {"europe-west2": "London", "europe-west3": "Frankfurt", "asia-south1": "Mumbai"}
FACTORS: Mapping[str, float] = {"Americas": 1.0}
ELSEWHERE = 1.1
# what, family, group, unit, price in us-central1
_COMPUTE = (
    ("E2 Instance Core running in {}", "Compute", "CPU", "h", 0.02181159),
    ("E2 Instance Ram running in {}", "Compute", "RAM", "GiBy.h", 0.00292353),
    ("E2 Custom Instance Core running in {}", "Compute", "CPU", "h", 0.022890),
    ("Balanced PD Capacity in {}", "Storage", "SSD", "GiBy.mo", 0.10),
    ("Regional Balanced PD Capacity in {}", "Storage", "SSD", "GiBy.mo", 0.20),
    ("Storage PD Snapshot in {}", "Storage", "PDSnapshot", "GiBy.mo", 0.05),
)
_SQL = (
    ("vCPU", "SQLGen2InstancesCPU", "h", 0.0413),
    ("RAM", "SQLGen2InstancesRAM", "GiBy.h", 0.007),
    ("Micro instance", "SQLGen2InstancesF1Micro", "h", 0.0105),
    ("Small instance", "SQLGen2InstancesG1Small", "h", 0.035),
    ("Standard storage", "SSD", "GiBy.mo", 0.17),
    ("Low cost storage", "PDStandard", "GiBy.mo", 0.09),
    ("Enterprise Plus N vCPU", "SQLGen2InstancesCPU", "h", 0.0537),
    ("Enterprise Plus Standard Storage", "SSD", "GiBy.mo", 0.17),
)
_RUN = (
    ("Services CPU (Instance-based billing)", "s", 0.000018, 240_000),
    ("Services Memory (Instance-based billing)", "GiBy.s", 0.000002, 450_000),
    ("Services CPU (Request-based billing)", "s", 0.000024, 180_000),
)


def list_services(call: Call) -> Mapping[str, Any]:
    found = [
        {"name": f"services/{id_}", "serviceId": id_, "displayName": name, "businessEntityName": "businessEntities/GCP"}
        for name, id_ in SERVICES.items()
    ]
    return page(call, "services", found, query=_paged(call))


def list_skus(call: Call) -> Mapping[str, Any]:
    service = call.params["servicesId"] if "servicesId" in call.params else call.params["parent"].rpartition("/")[2]
    if service not in SERVICES.values():
        raise not_found(f"Service services/{service} not found.")
    if call.text("currencyCode") not in ("", "USD"):
        raise invalid("The rehearsal tells prices in US dollars only.")
    made = {COMPUTE: _compute, SQL: _sql, RUN: _run}.get(service, lambda: iter(()))()
    return page(call, "skus", [_sku(service, spec, stamp(call.now)) for spec in made], query=_paged(call))


def _paged(call: Call) -> Mapping[str, list[str]]:
    size = min(int(call.text("pageSize") or DEFAULT_PAGE) or DEFAULT_PAGE, DEFAULT_PAGE)
    return {"pageSize": [str(size)], "pageToken": [call.text("pageToken")]}


Spec = tuple[str, str, str, str, tuple[str, ...], Iterable[tuple[float, float]], str]
"""description, family, group, unit, regions, (start, price)…, usage type"""


def _areas() -> Iterator[tuple[str, tuple[str, ...], float]]:
    """How an area is called, its regions, its factor."""
    for name, regions in SHARED.items():
        yield name, regions, FACTORS.get(name, ELSEWHERE)
    for region in REGIONS:
        if not any(region in regions for regions in SHARED.values()):
            yield CITIES.get(region, region), (region,), ELSEWHERE


def _compute() -> Iterator[Spec]:
    for area, regions, factor in _areas():
        for what, family, group, unit, price in _COMPUTE:
            # Of the first regions' disks and snapshots the catalog does not say where they are.
            named = what.format(area) if area != "Americas" or family == "Compute" else what.removesuffix(" in {}")
            yield named, family, group, unit, regions, [(0, price * factor)], "OnDemand"
            if group in ("CPU", "RAM"):
                spot = [(0, price * factor * 0.4)]
                yield f"Spot Preemptible {named}", family, group, unit, regions, spot, "Preemptible"
                yield f"Commitment v1: {named} for 1 Year", family, group, unit, regions, spot, "Commit1Yr"


def _sql() -> Iterator[Spec]:
    for area, regions, factor in _areas():
        for kind, zones in (("Zonal", 1), ("Regional", 2)):
            for what, group, unit, price in _SQL:
                tiers = [(0, price * factor * zones)]
                for engine in ("PostgreSQL", "MySQL"):
                    named = f"Cloud SQL for {engine}: {kind} - {what} in {area}"
                    yield named, "ApplicationServices", group, unit, regions, tiers, "OnDemand"


def _run() -> Iterator[Spec]:
    for _, regions, factor in _areas():
        for region in regions:
            for what, unit, price, free in _RUN:
                tiers = [(0, 0.0), (free, price * factor)]
                yield f"{what} in {region}", "ApplicationServices", "Compute", unit, (region,), tiers, "OnDemand"


def _sku(service: str, spec: Spec, now: str) -> dict[str, Any]:
    description, family, group, unit, regions, tiers, usage = spec
    id_ = _id(f"{service} {description}")
    return {
        "name": f"services/{service}/skus/{id_}",
        "skuId": id_,
        "description": description,
        "category": {
            "serviceDisplayName": next(name for name, known in SERVICES.items() if known == service),
            "resourceFamily": family,
            "resourceGroup": group,
            "usageType": usage,
        },
        "serviceRegions": list(regions),
        "pricingInfo": [
            {
                "summary": "",
                "pricingExpression": {
                    "usageUnit": unit,
                    "displayQuantity": 1,
                    "tieredRates": [{"startUsageAmount": start, "unitPrice": _money(price)} for start, price in tiers],
                },
                "currencyConversionRate": 1,
                "effectiveTime": now,
            }
        ],
        "serviceProviderName": "Google",
        "geoTaxonomy": {"type": "MULTI_REGIONAL" if len(regions) > 1 else "REGIONAL", "regions": list(regions)},
    }


def _money(usd: float) -> dict[str, Any]:
    """Whole units as text, the rest in nanos."""
    units = int(usd)
    return {"currencyCode": "USD", "units": str(units), "nanos": round((usd - units) * 1e9)}


def _id(text: str) -> str:
    drawn = f"{zlib.crc32(text.encode()):08X}{zlib.crc32(text[::-1].encode()):08X}"
    return f"{drawn[:4]}-{drawn[4:8]}-{drawn[8:12]}"


RULES: Mapping[str, Handler] = {
    "cloudbilling.services.list": list_services,
    "cloudbilling.services.skus.list": list_skus,
}
