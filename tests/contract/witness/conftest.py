"""Where gcloud is installed. Elsewhere, and on machines that test every commit, its tests are listed as not run: it is
in no package registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import gcloud
from tests.support.gcloud import Gcloud
from tests.support.rehearsed import Rehearsed

APIS = (
    "artifactregistry", "cloudbilling", "cloudbuild", "cloudresourcemanager", "compute", "iam", "iamcredentials",
    "logging", "run", "secretmanager", "servicenetworking", "serviceusage", "sqladmin",
)  # fmt: skip
ENABLED = [f"{name}.googleapis.com" for name in APIS]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before any fixture starts a server. The first test of a file waits for all of its commands."""
    why, here = gcloud.missing(), Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=why) if why else pytest.mark.timeout(900))


@contextmanager
def served(folder: Path, world: Mapping[str, Any], *, faults: str | None = None) -> Iterator[tuple[Rehearsed, Gcloud]]:
    (folder / "world.yaml").write_text(yaml.safe_dump(dict(world)))
    (folder / "user").mkdir()
    cloud = Rehearsed.serve(folder / "cloud", world=folder / "world.yaml", scale=0.0005, faults=faults)
    try:
        yield cloud, Gcloud(folder / "user", cloud.endpoint)
    finally:
        cloud.stop()


def project(name: str, number: int, **more: Any) -> dict[str, Any]:
    return {"id": name, "number": number, "enabled": ENABLED, **more}
