"""A space of addresses held by this process: nothing is left behind, whatever ends it.

Between a rehearsal's birth and its first network the engine knows nothing of the space that was chosen. So the name of
an abstract unix socket (unix(7)) stands for it, which the kernel gives to one process of the machine, whoever its user
is, and takes back with it. From then on the networks themselves are seen.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass, field
from ipaddress import IPv4Network


@dataclass(frozen=True)
class Reservation:
    """Held as long as this object lives; `release` ends it earlier."""

    space: IPv4Network
    _name: socket.socket = field(repr=False)

    def release(self) -> None:
        self._name.close()


def reserve(space: IPv4Network) -> Reservation | None:
    """None: another process of this machine has it."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        name.bind(f"\0memdeploy-rehearsal-space-{space}")
    except OSError as error:
        name.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return Reservation(space, name)
