"""Judgements of preflight that need no cloud: quotas, names that Google does not know, how findings are told."""

from __future__ import annotations

from typing import Any

import pytest

from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.gcp import permissions, preflight
from tests.unit.providers.gcp.test_graph import cloud


def quota(metric: str, limit: float, usage: float) -> dict[str, Any]:
    return {"metric": metric, "limit": limit, "usage": usage}


@pytest.mark.parametrize(
    ("quotas", "named"),
    [
        ([quota("CPUS", 24, 0), quota("SSD_TOTAL_GB", 500, 0)], []),
        ([quota("CPUS", 24, 23)], ["CPUS"]),
        ([quota("CPUS", 2, 0), quota("SSD_TOTAL_GB", 500, 480)], ["SSD_TOTAL_GB"]),
        ([quota("GPUS", 0, 0)], []),
    ],
)
def test_a_quota_that_is_too_small_is_named(quotas: list[dict[str, Any]], named: list[str]) -> None:
    report = preflight.Report()
    preflight._quotas(cloud().scope, quotas, report)
    assert [finding.text.split()[1] for finding in report.findings] == named


def test_one_finding_is_told_plainly_and_several_are_numbered() -> None:
    one, two = preflight.Finding("a is off", "Switch a on."), preflight.Finding("b is off", "Switch b on.")
    alone = preflight._refusal([one], "preflight")
    assert (alone.message, alone.suggestion, int(alone.exit_code)) == ("a is off", "Switch a on.", 3)
    both = preflight._refusal([one, two], "preflight")
    assert both.message.startswith("2 things")
    assert "1. a is off" in both.message
    assert "2. Switch b on." in (both.suggestion or "")


def test_a_permission_that_google_does_not_know_spoils_nothing() -> None:
    asked: list[list[str]] = []

    def ask(names: list[str]) -> set[str]:
        asked.append(names)
        if "old.things.get" in names:
            text = "Permission old.things.get is not valid for this resource."
            raise CloudError(text, kind=ErrorKind.INVALID)
        return {"run.services.get"}

    held = permissions._held(ask, ["run.services.get", "old.things.get", "run.services.create"])
    assert held == {"run.services.get", "old.things.get"}
    assert len(asked) == 2


def test_another_refusal_of_the_question_is_raised() -> None:
    def ask(names: list[str]) -> set[str]:
        raise CloudError("no", kind=ErrorKind.PERMISSION)

    with pytest.raises(CloudError):
        permissions._held(ask, ["run.services.get"])


def test_many_permissions_are_told_shortly() -> None:
    names = ["run.services.update", "run.services.create", "compute.disks.get"]
    assert permissions.shortened(names) == "compute.disks.get, run.services.{create,update}"


def test_permissions_are_spelled_as_google_spells_them() -> None:
    assert len(set(permissions.REQUIRED)) == len(permissions.REQUIRED)
    for name in permissions.REQUIRED:
        service, resource, verb = name.split(".")
        assert service.islower(), name
        assert resource[0].islower(), name
        assert verb[0].islower(), name


@pytest.mark.parametrize(
    "permission",
    [
        "artifactregistry.repositories.delete",  # destroy --shared
        "servicenetworking.services.deleteConnection",  # destroy --shared
        "compute.networks.removePeering",
        "compute.instances.setDeletionProtection",
        "compute.instances.setMachineType",  # an edit of neo4j.machine
        "compute.disks.resize",  # an edit of neo4j.disk_gb
        "compute.disks.createSnapshot",  # destroy --delete-data
        "compute.resourcePolicies.update",
        "cloudsql.users.get",
        "run.jobs.run",  # startExecutionToken
        "serviceusage.services.use",  # a user's credentials with this project for quota
    ],
)
def test_what_changes_and_destroys_is_asked_for_too(permission: str) -> None:
    """https://cloud.google.com/iam/docs/permissions-reference"""
    assert permission in permissions.REQUIRED
