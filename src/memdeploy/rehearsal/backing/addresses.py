"""Which addresses are free: pure arithmetic, and what the host's routing table says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

ROUTES = Path("/proc/net/route")
"Linux; a host without it tells nothing, and the engine's own check remains."
FIRST = 70
"10.70.0.0/15 is the default of a deployment (DESIGN 4.10)."


def candidates() -> Iterable[IPv4Network]:
    """Every /15 below 10.0.0.0/8, the usual one first."""
    halves = [*range(FIRST, 256, 2), *range(0, FIRST, 2)]
    return (IPv4Network(f"10.{second}.0.0/15") for second in halves)


def overlap(wanted: IPv4Network, used: Iterable[IPv4Network]) -> IPv4Network | None:
    """The first used network that shares an address with the wanted one."""
    return next((other for other in used if wanted.overlaps(other)), None)


def clear(spaces: Iterable[IPv4Network], used: Sequence[IPv4Network]) -> Iterable[IPv4Network]:
    """Those that share no address with a used network."""
    return (space for space in spaces if overlap(space, used) is None)


def free(used: Sequence[IPv4Network]) -> Iterable[IPv4Network]:
    return clear(candidates(), used)


def parse_routes(table: str) -> list[IPv4Network]:
    """Destinations of /proc/net/route (little-endian hexadecimal), without the default route."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[1] != "00000000":
            found.append(IPv4Network((_address(fields[1]), str(_address(fields[7]))), strict=False))
    return found


def _address(text: str) -> IPv4Address:
    return IPv4Address(bytes.fromhex(text)[::-1])


def host_routes(path: Path = ROUTES) -> list[IPv4Network]:
    return parse_routes(path.read_text()) if path.exists() else []


def dynamic_half(network: IPv4Network) -> IPv4Network:
    """Where the engine may pick addresses itself: the upper half, since clouds give static ones from below."""
    return list(network.subnets(prefixlen_diff=1))[1] if network.prefixlen < 30 else network
