"""What a deployment costs a month: an estimate by list prices, line by line.

US dollars, 730 hours. Free allowances are the billing account's, and not counted. Model usage, traffic and builds are
not in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.config.profiles import Sizes, sizes
from memdeploy.providers.base import PriceLine
from memdeploy.providers.gcp import modes, run_sidecar
from memdeploy.providers.gcp.neo4j_machine import billed
from memdeploy.providers.gcp.prices import REGION, TABLE

HOURS = 730
SECONDS = HOURS * 3600
BOOT_DISK_GB = 10
_MISSING = "model usage, traffic, builds, requests of an idle service"
_CUSTOM = re.compile(r"db-custom-(\d+)-(\d+)")
_SHARED = ("db-f1-micro", "db-g1-small")

Records = Mapping[str, Mapping[str, Any]]
"""Step -> outputs of earlier runs."""
Rates = Mapping[str, float]
"""Key of the price table -> dollars a unit, of today."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


def lines(deployment: Deployment, records: Records = NOTHING, rates: Rates = NOTHING) -> tuple[PriceLine, ...]:
    """While everything stands; the service counts its minimum of instances."""
    return _made(_Lines(rates), deployment, records)


def used(deployment: Deployment) -> tuple[str, ...]:
    """The keys of the prices that its lines are made of."""
    of = _Lines(NOTHING)
    _made(of, deployment, NOTHING)
    return tuple(of.keys)


def kept(deployment: Deployment, records: Records = NOTHING) -> dict[str, float]:
    """Step -> dollars a month of what stays without --delete-data, after `destroy` or in another mode: storage of a
    stopped instance, and the disk, which a deployment that is elsewhere now may have too."""
    size, of = _standing(sizes(deployment), records), _Lines(NOTHING)
    found: dict[str, float] = defaultdict(float)
    for line in (*(line for line in _sql(of, size) if line.unit == "GB"), *_disk(of, size)):
        found[line.step] += line.usd
    return {step: round(usd, 2) for step, usd in found.items()}


def not_included(deployment: Deployment, *, live: bool = False) -> str:
    """In words. `live`: no line is the table's, which has one region only."""
    size = sizes(deployment)
    unknown = [size.neo4j_machine] if modes.vm(deployment) and billed(size.neo4j_machine) is None else []
    unknown += [] if size.postgres_tier in _SHARED or _CUSTOM.fullmatch(size.postgres_tier) else [size.postgres_tier]
    elsewhere = "" if live else f"; other regions than {REGION} differ"
    return ", ".join([_MISSING, *(f"{name}, whose price is not known here" for name in unknown)]) + elsewhere


@dataclass
class _Lines:
    """Makes lines; remembers of which prices."""

    rates: Rates
    keys: dict[str, None] = field(default_factory=dict)

    def __call__(self, step: str, what: str, key: str, quantity: float, unit: str) -> PriceLine:
        self.keys[key] = None
        price = self.rates.get(key, TABLE[key].usd)
        source = "live" if key in self.rates else "table"
        return PriceLine(step, what, quantity, unit, price, quantity * price, source)


def _made(of: _Lines, deployment: Deployment, records: Records) -> tuple[PriceLine, ...]:
    size = _standing(sizes(deployment), records)
    return (*_sql(of, size), *(_machine(of, size) if modes.vm(deployment) else ()), *_service(of, deployment, size))


def _standing(size: Sizes, records: Records) -> Sizes:
    """A disk that is larger than the configuration has it stays so, and is paid for."""

    def larger(step: str, least: int) -> int:
        return max(least, int(records.get(step, {}).get("disk_gb", 0)))

    return replace(
        size,
        postgres_disk_gb=larger("postgres.instance", size.postgres_disk_gb),
        neo4j_disk_gb=larger("neo4j.disk", size.neo4j_disk_gb),
    )


def _sql(of: _Lines, size: Sizes) -> Iterable[PriceLine]:
    kind, twice = (".regional", ", in two zones") if size.postgres_regional else ("", "")
    step, tier = "postgres.instance", size.postgres_tier
    if tier in _SHARED:
        yield of(step, f"Cloud SQL {tier}{twice}", f"sql.{tier}{kind}", HOURS, "hour")
    elif custom := _CUSTOM.fullmatch(tier):
        cpus, memory = int(custom[1]), int(custom[2]) / 1024
        yield of(step, f"Cloud SQL CPU{twice}", f"sql.cpu{kind}", cpus * HOURS, "hour")
        yield of(step, f"Cloud SQL memory{twice}", f"sql.memory{kind}", memory * HOURS, "GB hour")
    yield of(step, f"Cloud SQL storage{twice}", f"sql.storage{kind}", size.postgres_disk_gb, "GB")


def _machine(of: _Lines, size: Sizes) -> Iterable[PriceLine]:
    found = billed(size.neo4j_machine)
    if found is not None:
        cpus, memory = found
        yield of("neo4j.vm", f"{size.neo4j_machine}, CPU", "e2.cpu", cpus * HOURS, "hour")
        yield of("neo4j.vm", f"{size.neo4j_machine}, memory", "e2.memory", memory * HOURS, "GB hour")
    yield of("neo4j.vm", "boot disk", "disk", BOOT_DISK_GB, "GB")
    yield from _disk(of, size)


def _disk(of: _Lines, size: Sizes) -> Iterable[PriceLine]:
    yield of("neo4j.disk", "data disk", "disk", size.neo4j_disk_gb, "GB")
    yield of("neo4j.disk", "snapshots, when the disk is full", "snapshot", size.neo4j_disk_gb, "GB")


def _service(of: _Lines, deployment: Deployment, size: Sizes) -> Iterable[PriceLine]:
    sidecar = modes.sidecar(deployment)
    always = 1 if sidecar else size.instances_min
    cpu, memory = float(size.cpu), _gib(size.memory)
    if sidecar:
        cpu, memory = cpu + float(run_sidecar.CPU), memory + _gib(run_sidecar.MEMORY)
    words = "instances that always run" if always else "no instance always runs"
    yield of("service", f"Cloud Run CPU, {words}", "run.cpu", always * cpu * SECONDS, "second")
    yield of("service", f"Cloud Run memory, {words}", "run.memory", always * memory * SECONDS, "GiB second")


def _gib(memory: str) -> float:
    number = float(memory.rstrip("MiGB"))
    return number / 1024 if "M" in memory else number
