"""Quotas of a whole project, which `projects.get` tells. The world's `quotas: {global: {NETWORKS: 5}}` sets them.

https://cloud.google.com/compute/resource-usage, https://cloud.google.com/vpc/docs/quota#per_project
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import Call
from memdeploy.rehearsal.refusal import Refusal
from memdeploy.rehearsal.rules import compute_base as base

# A new project's usual limits; they differ by account.
LIMITS: Mapping[str, float] = {"NETWORKS": 15, "SUBNETWORKS": 100, "FIREWALLS": 100}
_TYPES = {"NETWORKS": "Network", "SUBNETWORKS": "Subnetwork", "FIREWALLS": "Firewall"}


def listed(call: Call) -> list[dict[str, Any]]:
    return [
        {"metric": name, "limit": float(limit), "usage": _used(call, name)} for name, limit in _limits(call).items()
    ]


def check(call: Call, metric: str) -> None:
    """For one more."""
    limit = _limits(call)[metric]
    if _used(call, metric) + 1 > limit:
        message = f"Quota '{metric}' exceeded.  Limit: {float(limit)} globally."
        raise Refusal(403, "RESOURCE_EXHAUSTED", message, reason="quotaExceeded")


def _limits(call: Call) -> dict[str, float]:
    return {**LIMITS, **call.project.quotas.get("global", {})}


def _used(call: Call, metric: str) -> float:
    kind = _TYPES.get(metric)
    return float(len(call.store.below(base.SERVICE, f"projects/{call.project.id}", kind))) if kind else 0.0
