"""Memory and CPUs of Compute Engine's machine types, from their names: https://cloud.google.com/compute/docs/machine-resource"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SHARED: Mapping[str, int] = {"e2-micro": 1024, "e2-small": 2048, "e2-medium": 4096}
_PART_OF_A_CORE: Mapping[str, float] = {"e2-micro": 0.25, "e2-small": 0.5, "e2-medium": 1.0}
_E2 = re.compile(r"^e2-(standard|highmem|highcpu)-([0-9]+)$")
_GB_PER_CPU: Mapping[str, float] = {"standard": 4, "highmem": 8}
_PREDEFINED = re.compile(r"^(?:e2|n2|n2d|c3|c3d|c4|n4)-(standard|highmem)-([0-9]+)$")
_CUSTOM = re.compile(r"^[a-z0-9]+-custom-[0-9]+-([0-9]+)$")


def cpus(machine: str) -> int:
    """Virtual CPUs, as quotas count them; 2 (the shared-core types') where the name does not tell."""
    if _CUSTOM.match(machine):
        return int(machine.split("-")[-2])
    found = _PREDEFINED.match(machine)
    return int(found.group(2)) if found else 2


def billed(machine: str) -> tuple[float, float] | None:
    """vCPUs and GB that an E2 machine is billed for; shared cores by their part of one. None for all others.
    https://cloud.google.com/compute/docs/general-purpose-machines#e2-shared-core"""
    found = _E2.match(machine)
    if machine in _SHARED:
        return _PART_OF_A_CORE[machine], _SHARED[machine] / 1024
    if found is None:
        return None
    count = int(found.group(2))
    return float(count), count * {**_GB_PER_CPU, "highcpu": 1.0}[found.group(1)]


def memory_mb(machine: str) -> int | None:
    """Megabytes, or None for a type whose name does not tell: the machine then asks its own kernel."""
    if machine in _SHARED:
        return _SHARED[machine]
    if custom := _CUSTOM.match(machine):
        return int(custom.group(1))
    if found := _PREDEFINED.match(machine):
        return int(_GB_PER_CPU[found.group(1)] * 1024) * int(found.group(2))
    return None
