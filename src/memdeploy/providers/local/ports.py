"""Ports of the loopback address."""

from __future__ import annotations

import socket
from collections.abc import Collection

from memdeploy.errors import Refused


def is_free(port: int) -> bool:
    """Nobody listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free(taken: Collection[int] = (), *, after: int) -> int:
    """The first one above `after` that is free and not in `taken`."""
    found = next(
        (port for port in range(after + 1, min(after + 400, 65536)) if port not in taken and is_free(port)), None
    )
    if found is None:
        raise Refused(
            f"no port above {after} of 127.0.0.1 is free",
            code="no-free-port",
            where="local.port",
            suggestion="Name a lower one with --local-port.",
        )
    return found
