"""What more than one file of tests begins with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.rehearsal.compute import Compute
from tests.contract.rehearsal.embedded import embedded


@pytest.fixture
def compute(tmp_path: Path) -> Iterator[Compute]:
    with embedded(tmp_path) as cloud:
        yield Compute(cloud)


@pytest.fixture
def running(compute: Compute) -> Compute:
    compute.prepared()
    done = compute.do("instances.insert", body=compute.machine())
    assert (done["status"], done.get("error")) == ("DONE", None)
    return compute
