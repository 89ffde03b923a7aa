"""Region, zone, sizes and room: what this place has of what the deployment asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from memdeploy.config.profiles import sizes
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp import modes
from memdeploy.providers.gcp.checks.facts import Facts, failed, not_asked, passed, warning
from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.neo4j_machine import cpus
from memdeploy.providers.gcp.scope import Scope

_BOOT_GB = 10
_TIER_PAGE = "https://cloud.google.com/sql/docs/postgres/create-instance#machine-types"
_CUSTOM = re.compile(r"db-custom-(\d+)-(\d+)")
_SHARED_CORE = frozenset({"db-f1-micro", "db-g1-small"})


def region(facts: Facts) -> Iterable[Finding]:
    """With its zone and, for a machine that is not there yet or becomes a larger one, its room."""
    scope = facts.scope
    if not facts.on("compute"):
        yield warning("region", "not-readable", "the Compute Engine API is off: cannot be asked before `up`")
        return
    found = facts.ask(lambda: scope.clients.compute("regions.get", project=scope.project, region=scope.region))
    if isinstance(found, CloudError):
        if found.kind is ErrorKind.NOT_FOUND:
            yield failed(
                "region", "region-unknown", f"there is no region {scope.region}",
                "Choose one of `gcloud compute regions list`.",
            )  # fmt: skip
        else:
            yield not_asked("region", found)
        return
    zones = sorted(last(link) for link in found.get("zones", []))
    if zones and scope.zone not in zones:
        yield failed(
            "region", "zone-unknown", f"region {scope.region} has no zone {scope.zone}",
            f"Set gcp.zone to one of {', '.join(zones)}.",
        )  # fmt: skip
    else:
        yield passed("region", f"{scope.region}, zone {scope.zone}")
    needed = _more(scope) if modes.vm(scope.deployment) else {}
    if needed:
        yield from _quotas(facts, found.get("quotas", []), needed)


def _more(scope: Scope) -> dict[str, int]:
    """Quota of Compute Engine -> how much more than now the one machine takes. Cloud SQL's and Cloud Run's are not told
    here."""
    size, records = sizes(scope.deployment), scope.context.records
    vm, disk = records.get("neo4j.vm"), records.get("neo4j.disk", {})
    standing = cpus(str(vm.get("machine", size.neo4j_machine))) if vm is not None else 0
    grown = size.neo4j_disk_gb - int(disk.get("disk_gb", size.neo4j_disk_gb if vm is not None else 0))
    needed = {"CPUS": cpus(size.neo4j_machine) - standing, "SSD_TOTAL_GB": grown + (0 if vm is not None else _BOOT_GB)}
    return {name: more for name, more in needed.items() if more > 0}


def _quotas(facts: Facts, quotas: list[dict[str, Any]], needed: dict[str, int]) -> Iterable[Finding]:
    short = False
    for quota in quotas:
        want = needed.get(str(quota.get("metric")))
        free = float(quota.get("limit", 0)) - float(quota.get("usage", 0))
        if want is not None and free < want:
            short = True
            yield failed(
                "quota", "quota",
                f"quota {quota['metric']} in {facts.scope.region}: {want} needed, {free:g} of {quota['limit']:g} left",
                "Ask for more at https://console.cloud.google.com/iam-admin/quotas, or choose another region.",
            )  # fmt: skip
    if not short:
        yield passed("quota", ", ".join(f"{name} {want}" for name, want in needed.items()) + " have room")


def network(facts: Facts) -> Iterable[Finding]:
    """Room for one more network in the project, where the shared one does not stand yet. New projects have few."""
    scope = facts.scope
    stands = "network.subnet" in scope.context.records
    if not facts.on("compute") or stands or not modes.network(scope.deployment):
        return
    found = facts.ask(lambda: scope.clients.compute("projects.get", project=scope.project))
    if isinstance(found, CloudError):
        yield not_asked("networks", found)
        return
    quota = next((q for q in found.get("quotas", []) if q.get("metric") == "NETWORKS"), None)
    name = scope.names.shared
    if quota is None or float(quota["limit"]) - float(quota["usage"]) >= 1 or _is_there(facts, name):
        yield passed("networks", f"{name} has room, or is there")
        return
    yield failed(
        "networks", "quota", f"quota NETWORKS: {name} would be one more than the {quota['limit']:g} of the project",
        "Ask for more at https://console.cloud.google.com/iam-admin/quotas, or delete one that nobody uses.",
    )  # fmt: skip


def _is_there(facts: Facts, name: str) -> bool:
    scope = facts.scope
    found = facts.ask(lambda: scope.clients.compute("networks.get", project=scope.project, network=name))
    return not isinstance(found, CloudError)


def machine(facts: Facts) -> Iterable[Finding]:
    """The machine type of Neo4j's VM, in its zone."""
    scope, wanted = facts.scope, sizes(facts.scope.deployment).neo4j_machine
    if not modes.vm(scope.deployment) or not facts.on("compute"):
        return
    found = facts.ask(
        lambda: scope.clients.compute("machineTypes.get", project=scope.project, zone=scope.zone, machineType=wanted)
    )
    if not isinstance(found, CloudError):
        yield passed("machine", f"{wanted}: {found.get('guestCpus')} CPUs, {found.get('memoryMb')} MB")
    elif found.kind in (ErrorKind.NOT_FOUND, ErrorKind.INVALID):
        yield failed(
            "machine", "machine-unknown", f"there is no machine type {wanted} in {scope.zone}",
            f"Choose one of `gcloud compute machine-types list --zones {scope.zone}` for neo4j.machine.",
        )  # fmt: skip
    else:
        yield not_asked("machine", found)


def tier(facts: Facts) -> Iterable[Finding]:
    """Cloud SQL lists no custom tiers: their rule is known."""
    wanted = sizes(facts.scope.deployment).postgres_tier
    problem = tier_problem(wanted)
    if problem is None:
        yield passed("tier", f"{wanted}, edition ENTERPRISE")
    else:
        yield failed("tier", "tier-invalid", f"postgres.tier: {problem}", f"See {_TIER_PAGE}; db-custom-1-3840 is one.")


def tier_problem(wanted: str) -> str | None:
    """What is wrong with a tier of the edition ENTERPRISE, or None.
    https://cloud.google.com/sql/docs/postgres/create-instance#machine-types"""
    if wanted in _SHARED_CORE:
        return None
    custom = _CUSTOM.fullmatch(wanted)
    if custom is None:
        plus = wanted.startswith(("db-perf-optimized-", "db-c4a-"))
        return f"{wanted} is of the edition ENTERPRISE_PLUS" if plus else f"there is no tier {wanted}"
    count, memory = int(custom[1]), int(custom[2])
    if not (count == 1 or (count % 2 == 0 and 2 <= count <= 96)):
        return f"{wanted}: 1 CPU, or an even number up to 96"
    if memory % 256 or memory < 3840:
        return f"{wanted}: at least 3840 MB, in steps of 256 MB"
    if not 0.9 <= memory / 1024 / count <= 6.5:
        return f"{wanted}: 0.9 to 6.5 GB a CPU"
    return None
