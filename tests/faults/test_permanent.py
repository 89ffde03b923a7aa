"""What no repetition helps stops at once: one request of each kind; and once the cause is gone, `up` goes on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.faults.inside import PROJECT, UP, Inside, inside

WORLD: dict[str, Any] = {"id": PROJECT, "number": 123456789012, "billing": True}
ADD_VERSION = "secretmanager.projects.secrets.addVersion"


def world(**more: Any) -> str:
    return json.dumps({"projects": [WORLD | more]})


def changes(stage: Inside) -> list[str]:
    """What was asked for that changes anything. Switching APIs on is what preflight may do."""
    return [r["api"] for r in stage.cloud.requests() if r["mutates"] and r["service"] != "serviceusage"]


@pytest.mark.parametrize(
    ("fault", "method", "code"),
    [
        ("403", ADD_VERSION, "cloud-permission"),
        ("400", "sql.instances.insert", "cloud-invalid"),
        ("401", "compute.disks.insert", "cloud-unauthenticated"),
        ("400", "run.projects.locations.jobs.create", "cloud-invalid"),
    ],
)
def test_a_permanent_error_is_asked_for_once_by_each_step(folder: Path, fault: str, method: str, code: str) -> None:
    """Steps that were under way at the same time may have met it, too: each once."""
    with inside(folder) as stage:
        stage.cloud.faults(f"{fault}@{method}=99x")
        failed = stage(*UP)
        assert failed.code == 1
        assert code in [error["code"] for error in failed.json["errors"]]
        struck = [r for r in stage.cloud.requests() if r["fault"]]
        assert struck
        assert max(Counter(r["path"] for r in struck).values()) == 1
        stage.cloud.faults("")
        assert stage(*UP).code == 0


def test_a_quota_that_does_not_suffice_is_told_before_anything_is_made(folder: Path) -> None:
    with inside(folder, world=world(quotas={"us-central1": {"SSD_TOTAL_GB": 1, "DISKS_TOTAL_GB": 1}})) as stage:
        refused = stage(*UP)
        assert refused.code == 3
        assert "quota SSD_TOTAL_GB" in refused.json["errors"][0]["message"]
        assert changes(stage) == []


def test_a_missing_permission_is_told_before_anything_is_made(folder: Path) -> None:
    with inside(folder, world=world(deny=["cloudsql.instances.create"])) as stage:
        refused = stage(*UP)
        assert refused.code == 3
        assert "cloudsql.instances.create" in refused.json["errors"][0]["message"]
        assert changes(stage) == []
        assert [thing for thing in stage.cloud.inventory() if thing["marker"]] == []


def test_credentials_that_expire_stop_every_step_at_its_next_request(folder: Path) -> None:
    with inside(folder) as stage:
        stage.cloud.faults("expires=200")  # preflight is over by then
        failed = stage(*UP)
        assert failed.code == 1
        assert failed.json["errors"][0]["code"] == "cloud-unauthenticated"
        refused = [r for r in stage.cloud.requests() if r["fault"] == "expires"]
        assert 1 <= len(refused) <= 8
        stage.cloud.faults("")
        assert stage(*UP).code == 0
