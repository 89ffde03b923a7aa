"""A rehearsal that is served again is where it was: journals name its registry by its address."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.rehearsed import Rehearsed

LENT = 32_768
"""From here on Linux gives ports to outgoing connections."""


def port(folder: Path) -> int:
    served = Rehearsed.serve(folder)
    served.stop()
    return urlsplit(served.endpoint).port or 0


def test_no_outgoing_connection_can_have_taken_its_port_meanwhile(tmp_path: Path) -> None:
    first = port(tmp_path)
    assert 1024 < first < LENT
    assert port(tmp_path) == first


def test_a_port_that_is_taken_is_left_to_whoever_has_it(tmp_path: Path) -> None:
    first = port(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first))
        taken.listen()
        assert port(tmp_path) not in (0, first)
