"""Unit prices in US dollars: a dated table of list prices in us-central1, and what Cloud Billing's catalog calls each.

Cloud SQL's vCPU and memory and Cloud Run's seconds were read on pricing pages in 2026; the others are from memory and
may be off by a few per cent. Descriptions of SKUs as public repositories quote them from answers of the catalog, those
of Cloud Run as infracost's source has them; which regions share one (`in Americas`) is for the catalog to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PRICES_OF = "2026-11"
REGION = "us-central1"
COMPUTE, SQL, RUN = "Compute Engine", "Cloud SQL", "Cloud Run"


@dataclass(frozen=True)
class Price:
    """`usd` a unit; `unit`, `service` and `sku` (a pattern of its whole description) as the catalog has them:
    https://cloud.google.com/billing/docs/reference/rest/v1/services.skus"""

    usd: float
    unit: str
    service: str
    sku: str


def _sql(usd: float, unit: str, what: str) -> dict[str, Price]:
    """An instance with a standby (`Regional`) costs twice, by SKUs of its own."""
    return {
        "": Price(usd, unit, SQL, rf"Cloud SQL for PostgreSQL: Zonal - {what} in .+"),
        ".regional": Price(2 * usd, unit, SQL, rf"Cloud SQL for PostgreSQL: Regional - {what} in .+"),
    }


TABLE: Mapping[str, Price] = {
    **{f"sql.cpu{kind}": price for kind, price in _sql(0.0413, "h", "vCPU").items()},
    **{f"sql.memory{kind}": price for kind, price in _sql(0.007, "GiBy.h", "RAM").items()},
    **{f"sql.db-f1-micro{kind}": price for kind, price in _sql(0.0105, "h", "Micro instance").items()},
    **{f"sql.db-g1-small{kind}": price for kind, price in _sql(0.035, "h", "Small instance").items()},
    **{f"sql.storage{kind}": price for kind, price in _sql(0.17, "GiBy.mo", "Standard storage").items()},
    "e2.cpu": Price(0.02181159, "h", COMPUTE, r"E2 Instance Core running in .+"),
    "e2.memory": Price(0.00292353, "GiBy.h", COMPUTE, r"E2 Instance Ram running in .+"),
    "disk": Price(0.10, "GiBy.mo", COMPUTE, r"Balanced PD Capacity(?: in .+)?"),
    "snapshot": Price(0.05, "GiBy.mo", COMPUTE, r"Storage PD Snapshot(?: in .+)?"),
    "run.cpu": Price(0.000018, "s", RUN, r"Services CPU \(Instance-based billing\)(?: in .+)?"),
    "run.memory": Price(0.000002, "GiBy.s", RUN, r"Services Memory \(Instance-based billing\)(?: in .+)?"),
}
