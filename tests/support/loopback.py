"""Whether a port can be reached by another of this machine's addresses than the one it should be bound to."""

from __future__ import annotations

import socket


def reached(port: int) -> list[str]:
    """The addresses but for 127.0.0.1 by which it is. On Linux all of 127.0.0.0/8 are this machine's own, so a server
    on every address is found out on a machine without a network, too."""
    return [address for address in _others() if _connects(address, port)]


def _others() -> list[str]:
    found = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:  # sends nothing
        outward.connect_ex(("192.0.2.1", 9))
        found.add(outward.getsockname()[0])
    return sorted(str(address) for address in {*found, "::1", "127.0.0.2"} - {"127.0.0.1", "0.0.0.0"})


def _connects(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.settimeout(2)
        return probe.connect_ex((address, port)) == 0
