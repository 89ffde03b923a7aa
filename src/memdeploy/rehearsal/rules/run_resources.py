"""Which CPU and memory limits Cloud Run takes together. Pure.

https://cloud.google.com/run/docs/configuring/services/cpu and …/memory-limits (services and jobs share the tables).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_MI, _GI = 2**20, 2**30
_WHOLE_CPUS = (1, 2, 4, 6, 8)
#: Memory above the first needs at least the second, in CPUs.
_MEMORY_NEEDS = ((24 * _GI, 8), (16 * _GI, 6), (8 * _GI, 4), (4 * _GI, 2))
#: CPUs need at least this memory.
_CPU_NEEDS = {4: 2 * _GI, 6: 4 * _GI, 8: 4 * _GI}
DEFAULT_CPU, DEFAULT_MEMORY = "1", "512Mi"


def cpus(text: str) -> Fraction | None:
    """`2`, `0.5` or `2000m`; None when it is none of these."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(m?)", text)
    return Fraction(match[1]) / (1000 if match[2] else 1) if match else None


def memory(text: str) -> int | None:
    """Bytes of a Kubernetes quantity such as `512Mi`; None when it is none."""
    match = re.fullmatch(r"(\d+)(k|M|G|Ki|Mi|Gi)?", text)
    return int(match[1]) * _UNITS[match[2] or ""] if match else None


def problem(limits: Mapping[str, str], *, job: bool, cpu_always: bool, concurrency: int) -> str | None:
    """`cpu_always`: instance-based billing (`cpuIdle: false`). Jobs always have it, and whole CPUs only."""
    cpu, size = cpus(limits.get("cpu", DEFAULT_CPU)), memory(limits.get("memory", DEFAULT_MEMORY))
    if cpu is None:
        return f"resources.limits.cpu: Invalid value: {limits.get('cpu')}"
    if size is None or size <= 0:
        return f"resources.limits.memory: Invalid value: {limits.get('memory')}"
    always = cpu_always or job
    if cpu < 1:
        return _part_of_a_cpu(cpu, size, always=always, concurrency=concurrency)
    return _whole_cpus(cpu, size, always=always)


def _part_of_a_cpu(cpu: Fraction, size: int, *, always: bool, concurrency: int) -> str | None:
    if always:
        return "resources.limits.cpu: CPU less than 1 is not allowed when CPU is always allocated"
    if cpu < Fraction(8, 100):
        return "resources.limits.cpu: CPU must be at least 0.08"
    if concurrency > 1:
        return "maxInstanceRequestConcurrency: must be 1 when CPU is less than 1"
    if size > _GI or (size > 512 * _MI and cpu < Fraction(1, 2)):
        return f"resources.limits.memory: more CPU is required for {size // _MI}Mi of memory"
    return None


def _whole_cpus(cpu: Fraction, size: int, *, always: bool) -> str | None:
    if cpu not in _WHOLE_CPUS:
        return "resources.limits.cpu: Must be equal to one of [.08-1], 1, 2, 4, 6, 8"
    if size > 32 * _GI:
        return "resources.limits.memory: must be at most 32Gi"
    if size < 512 * _MI and always:  # …/configuring/billing-settings: instance-based billing needs 512 MiB
        return "resources.limits.memory: must be at least 512Mi with CPU always allocated"
    needed = next((least for above, least in _MEMORY_NEEDS if size > above), 1)
    if cpu < needed:
        return f"resources.limits.memory: {size // _MI}Mi of memory requires at least {needed} CPU"
    if size < _CPU_NEEDS.get(int(cpu), 0):
        return f"resources.limits.cpu: {int(cpu)} CPU requires at least {_CPU_NEEDS[int(cpu)] // _MI}Mi of memory"
    return None
