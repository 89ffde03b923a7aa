"""Addresses: one /15 a network. Its lower /16 is the peering range, its upper /16 holds a /24 for each deployment."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

DEFAULT = "10.70.0.0/15"


def peering_range(space: str) -> ipaddress.IPv4Network:
    """The lower /16."""
    return next(ipaddress.IPv4Network(space).subnets(new_prefix=16))


def space_of(cidr: str) -> str:
    """The space whose lower /16 this is: what an adopted network's range tells."""
    return str(ipaddress.IPv4Network(cidr).supernet(new_prefix=15))


def free_subnet(space: str, taken: Iterable[str]) -> str | None:
    """The first /24 of the upper /16 that overlaps nothing taken; None when all are."""
    used = [ipaddress.IPv4Network(cidr) for cidr in taken]
    upper = list(ipaddress.IPv4Network(space).subnets(new_prefix=16))[1]
    for candidate in upper.subnets(new_prefix=24):
        if not any(candidate.overlaps(network) for network in used):
            return str(candidate)
    return None
