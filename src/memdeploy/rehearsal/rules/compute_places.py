"""Regions, zones, machine types, quotas. https://cloud.google.com/compute/docs/regions-zones"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import Call, Handler
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import Refusal, invalid, not_found
from memdeploy.rehearsal.rules import compute_base as base
from memdeploy.rehearsal.rules import compute_quotas
from memdeploy.rehearsal.rules.compute_filter import matches

REGIONS = (
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "australia-southeast1",
    "australia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-north2",
    "europe-southwest1",
    "europe-west1",
    "europe-west10",
    "europe-west12",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "northamerica-south1",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
)
ZONES: Mapping[str, str] = {"us-central1": "abcf", "us-east1": "bcd", "europe-west1": "bcd"}  # all others: a, b, c
# A new project's usual limits (they differ by account; E).
QUOTAS: Mapping[str, float] = {
    "CPUS": 24,
    "DISKS_TOTAL_GB": 4096,
    "SSD_TOTAL_GB": 500,
    "IN_USE_ADDRESSES": 8,
    "STATIC_ADDRESSES": 8,
    "INSTANCES": 72,
}
# name -> (vCPUs, MB). https://cloud.google.com/compute/docs/general-purpose-machines; shared-core types count as 2
MACHINES: Mapping[str, tuple[int, int]] = {
    "e2-micro": (2, 1024),
    "e2-small": (2, 2048),
    "e2-medium": (2, 4096),
    **{f"e2-standard-{n}": (n, n * 4096) for n in (2, 4, 8, 16, 32)},
    **{f"e2-highmem-{n}": (n, n * 8192) for n in (2, 4, 8, 16)},
    **{f"e2-highcpu-{n}": (n, n * 1024) for n in (2, 4, 8, 16, 32)},
    **{f"n2-standard-{n}": (n, n * 4096) for n in (2, 4, 8, 16, 32)},
    **{f"n2-highmem-{n}": (n, n * 8192) for n in (2, 4, 8, 16, 32)},
    **{f"n2d-standard-{n}": (n, n * 4096) for n in (2, 4, 8, 16, 32)},
}
CUSTOM = re.compile(r"(?:n2|n2d|e2|n1)?-?custom-(\d+)-(\d+)")


def zones_of(region: str) -> list[str]:
    return [f"{region}-{letter}" for letter in ZONES.get(region, "abc")]


def check_zone(call: Call) -> None:
    zone = call.params["zone"]
    if zone.rpartition("-")[0] not in REGIONS or zone not in zones_of(zone.rpartition("-")[0]):
        raise invalid(f"Invalid value for field 'zone': '{zone}'. Unknown zone.")


def check_region(call: Call) -> None:
    if call.params["region"] not in REGIONS:
        raise invalid(f"Invalid value for field 'region': '{call.params['region']}'. Unknown region.")


def machine(name: str) -> tuple[int, int] | None:
    """(vCPUs, MB)."""
    custom = CUSTOM.fullmatch(name)
    return (int(custom[1]), int(custom[2])) if custom else MACHINES.get(name)


def get_region(call: Call) -> Mapping[str, Any]:
    name = call.params["region"]
    if name not in REGIONS:
        raise not_found(f"The resource 'projects/{call.project.id}/regions/{name}' was not found")
    return _region(call, name)


def list_regions(call: Call) -> Mapping[str, Any]:
    return page(call, "items", [_region(call, name) for name in REGIONS], kind="compute#regionList")


def _region(call: Call, name: str) -> dict[str, Any]:
    project = call.project.id
    return {
        "kind": "compute#region",
        "id": str(1000 + REGIONS.index(name)),
        "name": name,
        "description": name,
        "status": "UP",
        "zones": [base.link(f"projects/{project}/zones/{zone}") for zone in zones_of(name)],
        "quotas": [
            {"metric": metric, "limit": limit, "usage": usage(call, name, metric)}
            for metric, limit in {**QUOTAS, **call.project.quotas.get(name, {})}.items()
        ],
        "selfLink": base.link(f"projects/{project}/regions/{name}"),
    }


def usage(call: Call, region: str, metric: str) -> float:
    """What the rehearsed project uses of a quota; 0 for those that are not counted here."""
    rows = call.store.below(base.SERVICE, f"projects/{call.project.id}")
    local = [r for r in rows if r.name.split("/")[3].startswith(region)]
    machines = [r for r in local if r.type == "Instance"]
    if metric == "CPUS":
        return float(sum((machine(r.body["machineType"].rsplit("/", 1)[-1]) or (0, 0))[0] for r in machines))
    if metric == "INSTANCES":
        return float(len(machines))
    if metric in ("DISKS_TOTAL_GB", "SSD_TOTAL_GB"):
        # pd-balanced and pd-ssd count as SSD: https://cloud.google.com/compute/resource-usage#disk_quota
        ssd = metric == "SSD_TOTAL_GB"
        disks = [r for r in local if r.type == "Disk" and r.body["type"].endswith(("pd-balanced", "pd-ssd")) == ssd]
        return float(sum(int(r.body["sizeGb"]) for r in disks))
    return 0.0


def check_quota(call: Call, region: str, metric: str, more: float) -> None:
    limit = {**QUOTAS, **call.project.quotas.get(region, {})}.get(metric)
    if limit is not None and usage(call, region, metric) + more > limit:
        message = f"Quota '{metric}' exceeded.  Limit: {float(limit)} in region {region}."
        raise Refusal(403, "RESOURCE_EXHAUSTED", message, reason="quotaExceeded")


def get_zone(call: Call) -> Mapping[str, Any]:
    zone = call.params["zone"]
    region = zone.rpartition("-")[0]
    if region not in REGIONS or zone not in zones_of(region):
        raise not_found(f"The resource 'projects/{call.project.id}/zones/{zone}' was not found")
    return _zone(call, region, zone)


def list_zones(call: Call) -> Mapping[str, Any]:
    items = [_zone(call, region, zone) for region in REGIONS for zone in zones_of(region)]
    return page(call, "items", [i for i in items if matches(i, call.text("filter"))], kind="compute#zoneList")


def _zone(call: Call, region: str, zone: str) -> dict[str, Any]:
    project = call.project.id
    return {
        "kind": "compute#zone",
        "name": zone,
        "description": zone,
        "status": "UP",
        "region": base.link(f"projects/{project}/regions/{region}"),
        "selfLink": base.link(f"projects/{project}/zones/{zone}"),
    }


def get_machine_type(call: Call) -> Mapping[str, Any]:
    name, zone = call.params["machineType"], call.params["zone"]
    size = machine(name)
    path = f"projects/{call.project.id}/zones/{zone}/machineTypes/{name}"
    if size is None:
        raise not_found(f"The resource '{path}' was not found")
    return {
        "kind": "compute#machineType",
        "name": name,
        "guestCpus": size[0],
        "memoryMb": size[1],
        "isSharedCpu": name in ("e2-micro", "e2-small", "e2-medium"),
        "zone": zone,
        "selfLink": base.link(path),
    }


def get_project(call: Call) -> Mapping[str, Any]:
    return {
        "kind": "compute#project",
        "id": call.project.number,
        "name": call.project.id,
        "selfLink": base.link(f"projects/{call.project.id}"),
        "commonInstanceMetadata": {"kind": "compute#metadata", "fingerprint": base.fingerprint([])},
        "quotas": compute_quotas.listed(call),
        "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
    }


RULES: Mapping[str, Handler] = {
    "compute.regions.get": get_region,
    "compute.regions.list": list_regions,
    "compute.zones.get": get_zone,
    "compute.zones.list": list_zones,
    "compute.machineTypes.get": get_machine_type,
    "compute.projects.get": get_project,
}
