"""Memory and CPUs of Compute Engine's machine types, from their names: https://cloud.google.com/compute/docs/machine-resource"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SHARED: Mapping[str, int] = {"e2-micro": 1024, "e2-small": 2048, "e2-medium": 4096}
_GB_PER_CPU: Mapping[str, float] = {"standard": 4, "highmem": 8}
_PREDEFINED = re.compile(r"^(?:e2|n2|n2d|c3|c3d|c4|n4)-(standard|highmem)-([0-9]+)$")
_CUSTOM = re.compile(r"^[a-z0-9]+-custom-[0-9]+-([0-9]+)$")


def cpus(machine: str) -> int:
    """Virtual CPUs, as quotas count them; 2 (the shared-core types') where the name does not tell."""
    if _CUSTOM.match(machine):
        return int(machine.split("-")[-2])
    found = _PREDEFINED.match(machine)
    return int(found.group(2)) if found else 2


def memory_mb(machine: str) -> int | None:
    """Megabytes, or None for a type whose name does not tell: the machine then asks its own kernel."""
    if machine in _SHARED:
        return _SHARED[machine]
    if custom := _CUSTOM.match(machine):
        return int(custom.group(1))
    if found := _PREDEFINED.match(machine):
        return int(_GB_PER_CPU[found.group(1)] * 1024) * int(found.group(2))
    return None
