"""The offline model as a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from memdeploy.providers.local.embedded.model import OfflineModel
from tests.support.loopback import reached
from tests.unit.providers.local.embedded.support import Rig, scope


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    place = scope(tmp_path)
    place.folder.mkdir(mode=0o700)
    rig, model = Rig(), OfflineModel(place)
    try:
        done = rig.ensure(model, python=sys.executable)
        assert done.ok, done.error
        yield str(done.steps[0].outputs["url"])
    finally:
        assert rig.remove(model, python=sys.executable).ok


def test_it_answers_on_loopback_alone(address: str) -> None:
    """It asks nobody who they are."""
    assert requests.get(f"{address}/models", timeout=5).json()["object"] == "list"
    port = int(address.rpartition(":")[2].partition("/")[0])
    assert address == f"http://127.0.0.1:{port}/v1"
    assert reached(port) == []
