"""What a deployment costs a month: an estimate from a dated table of list prices.

US dollars, us-central1, 730 hours. The prices of Cloud SQL's vCPU and memory and of Cloud Run's active seconds were
read on pricing pages in 2026; the others are from memory and may be off by a few per cent. Model usage, traffic and
builds are not in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from memdeploy.config.model import Deployment
from memdeploy.config.profiles import Sizes, sizes

PRICES_OF = "2026-11"
HOURS = 730

SQL_VCPU_HOUR = 0.0413
SQL_GB_HOUR = 0.007
SQL_SHARED_MONTH = {"db-f1-micro": 7.7, "db-g1-small": 25.6}
SQL_SSD_GB = 0.17
MACHINE_MONTH = {"e2-small": 12.2, "e2-medium": 24.5, "e2-standard-2": 48.9, "e2-standard-4": 97.8}
DISK_GB = 0.10
BOOT_DISK_GB = 10
SNAPSHOT_GB = 0.05
RUN_VCPU_SECOND = 0.000018
RUN_GIB_SECOND = 0.000002


def by_step(deployment: Deployment) -> dict[str, float]:
    """Step -> dollars a month while everything stands; the service counts its minimum of instances."""
    size = sizes(deployment)
    return {
        "postgres.instance": round(_sql_compute(size) + _sql_storage(size), 2),
        "neo4j.vm": round(MACHINE_MONTH.get(size.neo4j_machine, 0.0) + BOOT_DISK_GB * DISK_GB, 2),
        "neo4j.disk": round(size.neo4j_disk_gb * (DISK_GB + SNAPSHOT_GB), 2),
        "service": round(size.instances_min * _run_instance(size), 2),
    }


def kept(deployment: Deployment) -> dict[str, float]:
    """Step -> dollars a month of what stays after `destroy` without --delete-data: storage of a stopped instance."""
    size = sizes(deployment)
    return {
        "postgres.instance": round(_sql_storage(size), 2),
        "neo4j.disk": by_step(deployment)["neo4j.disk"],
    }


def total(lines: Mapping[str, float]) -> float:
    return round(sum(lines.values()), 2)


def _sql_compute(size: Sizes) -> float:
    zones = 2 if size.postgres_regional else 1
    if size.postgres_tier in SQL_SHARED_MONTH:
        return SQL_SHARED_MONTH[size.postgres_tier] * zones
    custom = re.fullmatch(r"db-custom-(\d+)-(\d+)", size.postgres_tier)
    if custom is None:
        return 0.0
    cpus, memory_mb = int(custom[1]), int(custom[2])
    return (cpus * SQL_VCPU_HOUR + memory_mb / 1024 * SQL_GB_HOUR) * HOURS * zones


def _sql_storage(size: Sizes) -> float:
    return size.postgres_disk_gb * SQL_SSD_GB * (2 if size.postgres_regional else 1)


def _run_instance(size: Sizes) -> float:
    seconds = HOURS * 3600
    return seconds * (float(size.cpu) * RUN_VCPU_SECOND + _gib(size.memory) * RUN_GIB_SECOND)


def _gib(memory: str) -> float:
    number = float(memory.rstrip("MiGB"))
    return number / 1024 if "M" in memory else number
