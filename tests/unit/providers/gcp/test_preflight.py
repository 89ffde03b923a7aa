"""Judgements of preflight that need no cloud: quotas, names that Google does not know, how findings are told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from memdeploy.config.model import Deployment
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.lifecycle.result import error_entries
from memdeploy.providers.base import Finding, Verdict
from memdeploy.providers.gcp import needs, permissions, preflight
from memdeploy.providers.gcp.checks import place, policy
from memdeploy.providers.gcp.checks.all import failures
from memdeploy.providers.gcp.checks.facts import Facts
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
    facts = Facts(cloud().scope, run=SimpleNamespace())
    found = list(place._quotas(facts, quotas, place._more(facts.scope)))
    assert [finding.text.split()[1] for finding in failures(found)] == named
    assert bool(named) or [finding.verdict for finding in found] == [Verdict.PASSED]


def test_one_finding_is_told_plainly_and_several_each_by_itself() -> None:
    one = Finding("a", Verdict.FAILED, "a is off", "a-off", "Switch a on.")
    two = Finding("b", Verdict.FAILED, "b is off", "b-off", "Switch b on.")
    alone = preflight.refusal([one], "preflight")
    assert (alone.message, alone.suggestion, int(alone.exit_code)) == ("a is off", "Switch a on.", 3)
    both = preflight.refusal([one, two], "preflight")
    assert both.message.startswith("2 things")
    entries = error_entries(both)
    assert [(entry["code"], entry["step"], entry["suggestion"]) for entry in entries] == [
        ("a-off", "preflight", "Switch a on."),
        ("b-off", "preflight", "Switch b on."),
    ]


@pytest.mark.parametrize(
    ("tier", "problem"),
    [
        ("db-f1-micro", None),
        ("db-custom-1-3840", None),
        ("db-custom-2-7680", None),
        ("db-custom-96-638976", None),
        ("db-custom-3-11520", "even number"),
        ("db-custom-1-3000", "3840 MB"),
        ("db-custom-2-7681", "256 MB"),
        ("db-custom-4-3840", None),
        ("db-custom-8-3840", "0.9 to 6.5 GB"),
        ("db-custom-1-7680", "0.9 to 6.5 GB"),
        ("db-perf-optimized-N-2", "ENTERPRISE_PLUS"),
        ("db-n1-standard-1", "no tier"),
    ],
)
def test_the_rule_of_tiers(tier: str, problem: str | None) -> None:
    found = place.tier_problem(tier)
    assert found is None if problem is None else problem in (found or "")


@pytest.mark.parametrize(
    ("answer", "certain"),
    [
        ({}, None),
        ({"listPolicy": {"allowedValues": ["in:us-central1-locations"]}}, None),
        ({"listPolicy": {"allowedValues": ["in:us-locations"]}}, False),
        ({"listPolicy": {"allowedValues": ["europe-west1"]}}, True),
        ({"listPolicy": {"allValues": "DENY"}}, True),
        ({"listPolicy": {"deniedValues": ["in:us-locations"]}}, False),
        ({"listPolicy": {"deniedValues": ["us-central1"]}}, True),
    ],
)
def test_a_policy_of_places_is_judged_as_far_as_it_can_be(answer: dict[str, Any], certain: bool | None) -> None:
    assert policy.located(answer, Facts(cloud().scope, run=SimpleNamespace())) is certain


@pytest.mark.parametrize("rule", policy.RULES, ids=lambda rule: rule.constraint)
def test_a_constraint_that_nobody_set_forbids_nothing(rule: policy.Rule) -> None:
    """Its effective policy is then its default: of a list everything is allowed, a boolean one is not enforced."""
    facts = Facts(cloud().scope, run=SimpleNamespace())
    for answer in ({}, {"listPolicy": {"allValues": "ALLOW"}}, {"booleanPolicy": {}}):
        assert rule.judged({"constraint": f"constraints/{rule.constraint}", **answer}, facts) is None


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


def required(mode: str = "vm", recorded: tuple[str, ...] = ()) -> set[str]:
    deployment = Deployment.model_validate({"provider": "gcp", "neo4j": {"mode": mode}})
    names = needs.permissions(deployment, recorded)
    assert len(set(names)) == len(names)
    return set(names)


def test_permissions_are_spelled_as_google_spells_them() -> None:
    for name in required():
        service, resource, verb = name.split(".")
        assert service.islower(), name
        assert resource[0].islower(), name
        assert verb[0].islower(), name


def test_the_files_that_need_them_are_there() -> None:
    folder = Path(needs.__file__).parent
    named = {name for need in needs.NEEDS for name in need.used.split(", ")}
    assert [name for name in sorted(named) if not (folder / f"{name}.py").is_file()] == []


def test_without_a_machine_of_its_own_neo4j_needs_none_of_its_permissions() -> None:
    without = required("sidecar")
    assert "compute.instances.create" not in without
    assert {"compute.networks.create", "cloudsql.instances.create", "run.services.create"} <= without
    assert required("sidecar", ("neo4j.vm", "service")) == required("vm"), "the machine has yet to be removed"


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
    assert permission in required()
