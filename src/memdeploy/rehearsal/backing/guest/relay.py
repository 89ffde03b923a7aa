"""Carries a machine's connections to its metadata server and to *.googleapis.com over to the rehearsal's unix socket.

Bytes only: whose request it is says its Host header, which the rehearsal reads. TLS ends here, with a certificate of an
authority that only this container trusts.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path

ADDRESS = "169.254.169.254"
HOST = Path("/rehearsal/host")
SOCKET = HOST / "rehearsal.sock"
CERTIFICATE = HOST / "relay.pem"
Wrap = Callable[[socket.socket], socket.socket]


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def carry(accepted: socket.socket, wrap: Wrap) -> None:
    """One connection, both ways, until both sides are done."""
    try:
        with wrap(accepted) as near, socket.socket(socket.AF_UNIX) as far:
            far.connect(str(SOCKET))
            back = threading.Thread(target=pump, args=(far, near), daemon=True)
            back.start()
            pump(near, far)
            back.join()
    except OSError as error:
        sys.stderr.write(f"relay: {error}\n")


def serve(listener: socket.socket, wrap: Wrap) -> None:
    while True:
        accepted, _ = listener.accept()
        threading.Thread(target=carry, args=(accepted, wrap), daemon=True).start()


def tls() -> Wrap:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return lambda plain: context.wrap_socket(plain, server_side=True)


def main() -> None:
    ports: dict[int, Wrap] = {80: lambda plain: plain, 443: tls()}
    listeners = [(socket.create_server((ADDRESS, port)), wrap) for port, wrap in ports.items()]
    threads = [threading.Thread(target=serve, args=pair) for pair in listeners]
    for thread in threads:
        thread.start()
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    for thread in threads:  # an interpreter whose main thread has ended starts no more threads
        thread.join()


if __name__ == "__main__":
    main()
