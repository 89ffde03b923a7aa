"""What a deployment costs a month: an estimate from a dated table of list prices, line by line.

US dollars, us-central1, 730 hours. The prices of Cloud SQL's vCPU and memory and of Cloud Run's active seconds were
read on pricing pages in 2026; the others are from memory and may be off by a few per cent. Model usage, traffic and
builds are not in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.config.profiles import Sizes, sizes
from memdeploy.providers.base import PriceLine
from memdeploy.providers.gcp import modes, run_sidecar

PRICES_OF = "2026-11"
HOURS = 730
SECONDS = HOURS * 3600
NOT_INCLUDED = "model usage, traffic, builds, requests of an idle service; other regions than us-central1 differ"

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


Records = Mapping[str, Mapping[str, Any]]
"""Step -> outputs of earlier runs."""
NOTHING: Records = MappingProxyType({})


def lines(deployment: Deployment, records: Records = NOTHING) -> tuple[PriceLine, ...]:
    """While everything stands; the service counts its minimum of instances."""
    size = _standing(sizes(deployment), records)
    return (*_sql(size), *(_machine(size) if modes.vm(deployment) else ()), *_service(deployment, size))


def by_step(deployment: Deployment, records: Records = NOTHING) -> dict[str, float]:
    """Step -> dollars a month."""
    found: dict[str, float] = defaultdict(float)
    for line in lines(deployment, records):
        found[line.step] += line.usd
    return {step: round(usd, 2) for step, usd in found.items()}


def kept(deployment: Deployment, records: Records = NOTHING) -> dict[str, float]:
    """Step -> dollars a month of what stays without --delete-data, after `destroy` or in another mode: storage of a
    stopped instance, and the disk, which a deployment that is elsewhere now may have too."""
    size = _standing(sizes(deployment), records)
    at_rest = [*(line for line in _sql(size) if line.unit == "GB"), *_disk(size)]
    found: dict[str, float] = defaultdict(float)
    for line in at_rest:
        found[line.step] += line.usd
    return {step: round(usd, 2) for step, usd in found.items()}


def total(lines: Mapping[str, float]) -> float:
    return round(sum(lines.values()), 2)


def _standing(size: Sizes, records: Records) -> Sizes:
    """A disk that is larger than the configuration has it stays so, and is paid for."""

    def larger(step: str, least: int) -> int:
        return max(least, int(records.get(step, {}).get("disk_gb", 0)))

    return replace(
        size,
        postgres_disk_gb=larger("postgres.instance", size.postgres_disk_gb),
        neo4j_disk_gb=larger("neo4j.disk", size.neo4j_disk_gb),
    )


def _sql(size: Sizes) -> Iterable[PriceLine]:
    zones = 2 if size.postgres_regional else 1
    twice = ", in two zones" if zones == 2 else ""
    step, custom = "postgres.instance", re.fullmatch(r"db-custom-(\d+)-(\d+)", size.postgres_tier)
    if size.postgres_tier in SQL_SHARED_MONTH:
        yield _line(
            step, f"Cloud SQL {size.postgres_tier}{twice}", zones, "month", SQL_SHARED_MONTH[size.postgres_tier]
        )
    elif custom:
        cpus, memory = int(custom[1]) * zones, int(custom[2]) / 1024 * zones
        yield _line(step, f"Cloud SQL CPU{twice}", cpus * HOURS, "hour", SQL_VCPU_HOUR)
        yield _line(step, f"Cloud SQL memory{twice}", memory * HOURS, "GB hour", SQL_GB_HOUR)
    yield _line(step, f"Cloud SQL storage{twice}", size.postgres_disk_gb * zones, "GB", SQL_SSD_GB)


def _machine(size: Sizes) -> Iterable[PriceLine]:
    yield _line("neo4j.vm", size.neo4j_machine, 1, "month", MACHINE_MONTH.get(size.neo4j_machine, 0.0))
    yield _line("neo4j.vm", "boot disk", BOOT_DISK_GB, "GB", DISK_GB)
    yield from _disk(size)


def _disk(size: Sizes) -> Iterable[PriceLine]:
    yield _line("neo4j.disk", "data disk", size.neo4j_disk_gb, "GB", DISK_GB)
    yield _line("neo4j.disk", "snapshots, when the disk is full", size.neo4j_disk_gb, "GB", SNAPSHOT_GB)


def _service(deployment: Deployment, size: Sizes) -> Iterable[PriceLine]:
    sidecar = modes.sidecar(deployment)
    always = 1 if sidecar else size.instances_min
    cpu, memory = float(size.cpu), _gib(size.memory)
    if sidecar:
        cpu, memory = cpu + float(run_sidecar.CPU), memory + _gib(run_sidecar.MEMORY)
    words = "instances that always run" if always else "no instance always runs"
    yield _line("service", f"Cloud Run CPU, {words}", always * cpu * SECONDS, "second", RUN_VCPU_SECOND)
    yield _line("service", f"Cloud Run memory, {words}", always * memory * SECONDS, "GiB second", RUN_GIB_SECOND)


def _line(step: str, what: str, quantity: float, unit: str, price: float) -> PriceLine:
    return PriceLine(step, what, quantity, unit, price, quantity * price)


def _gib(memory: str) -> float:
    number = float(memory.rstrip("MiGB"))
    return number / 1024 if "M" in memory else number
