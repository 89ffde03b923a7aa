"""A rehearsal that is served again is where it was, or is understood where it is: names begin with its address."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
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
    with socket.create_server(("127.0.0.1", first)):
        assert port(tmp_path) not in (0, first)


def test_where_it_moved_to_a_deployment_goes_on(tmp_path: Path) -> None:
    """Its images have new names there, and those in journals and specifications are understood."""
    first = Rehearsed.serve(tmp_path / "cloud")
    memdeploy = Memdeploy(tmp_path, first.environment)
    memdeploy(*UP)
    first.stop()
    with socket.create_server(("127.0.0.1", urlsplit(first.endpoint).port or 0)):  # also while old connections wait
        moved = Rehearsed.serve(tmp_path / "cloud")
    try:
        there = Memdeploy(tmp_path, moved.environment)
        again = there(*UP).data
        assert {step["name"] for step in again["steps"] if step["status"] == "created"} == set()
        assert there.journal()["steps"]["image"]["outputs"]["reference"].startswith(urlsplit(moved.endpoint).netloc)
        assert {step["status"] for step in there(*UP).data["steps"]} == {"unchanged"}
        there("destroy", "--yes", "--delete-data", "--no-final-backup", expect=None)
        moved.let_go()
        there("destroy", "--finish")
        id_ = there.journal()["id"]
        assert {item["service"] for item in moved.inventory() if item["marker"] == id_} == {"cloudbuild"}
    finally:
        moved.stop()
