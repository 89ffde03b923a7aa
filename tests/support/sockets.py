"""Servers of a few lines, over real sockets on loopback."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.e2e.certificates import self_signed


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port; `serve` is given each connection, which is closed afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def encrypted(folder: Path) -> Iterator[int]:
    """Speaks TLS with a certificate that nobody vouches for, and nothing else."""
    key, certificate = self_signed("127.0.0.1")
    (folder / "server.pem").write_bytes(key + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with listening(lambda connection: context.wrap_socket(connection, server_side=True).close()) as port:
        yield port
