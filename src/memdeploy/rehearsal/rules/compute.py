"""Compute Engine v1: the parts put together."""

from __future__ import annotations

from collections.abc import Mapping

from memdeploy.rehearsal.call import Handler
from memdeploy.rehearsal.operations import Finisher
from memdeploy.rehearsal.rules import (
    compute_addresses,
    compute_base,
    compute_disks,
    compute_firewalls,
    compute_instances,
    compute_machines,
    compute_networks,
    compute_places,
)

RULES: Mapping[str, Handler] = {
    **compute_networks.RULES,
    **compute_addresses.RULES,
    **compute_firewalls.RULES,
    **compute_disks.RULES,
    **compute_instances.RULES,
    **compute_machines.RULES,
    **compute_places.RULES,
}
FINISHERS: Mapping[str, Finisher] = {
    **compute_base.FINISHERS,
    **compute_networks.FINISHERS,
    **compute_disks.FINISHERS,
    **compute_instances.FINISHERS,
    **compute_machines.FINISHERS,
}
