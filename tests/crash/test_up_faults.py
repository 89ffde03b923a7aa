"""What the cloud does to a running `up`: it answers not at all, or too late to be heard. `up` itself goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.product import UP, Undisturbed, world

#: The creates whose names the cloud draws, or whose effect cannot be repeated by name alone.
DELICATE = (
    "sql.instances.insert",
    "secretmanager.projects.secrets.addVersion",
    "cloudbuild.projects.locations.builds.create",
    "run.projects.locations.jobs.create",
)


@pytest.mark.parametrize("fault", ["lost", "reset", "503"])
def test_each_create_takes_effect_once(tmp_path: Path, undisturbed: Undisturbed, fault: str) -> None:
    aimed = ",".join(f"{fault}@{method}=1x" for method in DELICATE)
    with world(tmp_path, faults=aimed) as disturbed:
        disturbed.memdeploy(*UP)
        struck = [request for request in disturbed.cloud.requests() if request["fault"]]
        assert len(struck) == len(DELICATE), struck
        undisturbed.check(disturbed)
