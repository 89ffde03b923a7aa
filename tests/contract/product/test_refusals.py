"""What is refused is refused before the first change, says what to do, and leaves nothing behind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.product.conftest import UP
from tests.contract.product.refused import ON, served, untouched
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed


@dataclasses.dataclass(frozen=True)
class Cause:
    """One thing wrong. `project` goes into the world; `line` onto the command line. What has to come of it: exit code,
    the errors' codes in order, and words of the first one's message and remedy."""

    codes: tuple[str, ...]
    says: str
    remedy: str
    project: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    line: tuple[str, ...] = ()
    exit: int = 3
    step: str = "preflight"


def policy(**constraints: Any) -> dict[str, Any]:
    return {"policies": {name.replace("__", "."): value for name, value in constraints.items()}}


CAUSES: Mapping[str, Cause] = {
    "permissions": Cause(
        ("permissions-missing",), "cloudsql.instances.create", "doctor --print-role",
        {"deny": ["cloudsql.instances.create", "compute.disks.create"]},
    ),
    "billing": Cause(("billing-off",), "no billing account", "console.cloud.google.com/billing", {"billing": False}),
    "several": Cause(
        ("billing-off", "permissions-missing"), "no billing account", "console.cloud.google.com/billing",
        {"billing": False, "deny": ["run.services.create"]},
    ),
    "cpus": Cause(
        ("quota",), "quota CPUS in us-central1: 2 needed, 1 of 1 left", "iam-admin/quotas",
        {"quotas": {"us-central1": {"CPUS": 1}}},
    ),
    "disks": Cause(
        ("quota",), "SSD_TOTAL_GB", "another region", {"quotas": {"us-central1": {"SSD_TOTAL_GB": 20}}}
    ),
    "networks": Cause(("quota",), "quota NETWORKS: memdeploy-us-central1", "iam-admin/quotas",
                      {"quotas": {"global": {"NETWORKS": 0}}}),
    "region": Cause(("region-unknown",), "there is no region mars-north1", "compute regions list",
                    line=("--region", "mars-north1")),
    "zone": Cause(("zone-unknown",), "no zone us-central1-z", "us-central1-a", line=("--zone", "us-central1-z")),
    "machine": Cause(("machine-unknown",), "no machine type e9-huge", "machine-types list",
                     line=("--neo4j-machine", "e9-huge")),
    "tier": Cause(("tier-invalid",), "there is no tier db-huge", "db-custom-1-3840",
                  line=("--postgres-tier", "db-huge")),
    "edition": Cause(("tier-invalid",), "ENTERPRISE_PLUS", "machine-types",
                     line=("--postgres-tier", "db-perf-optimized-N-2")),
    "odd CPUs": Cause(("tier-invalid",), "even number", "machine-types", line=("--postgres-tier", "db-custom-3-11520")),
    "no accounts": Cause(("policy-forbids",), "constraints/iam.disableServiceAccountCreation", "exception",
                         policy(iam__disableServiceAccountCreation=True)),
    "elsewhere": Cause(("policy-forbids",), "constraints/gcp.resourceLocations", "another --region",
                       policy(gcp__resourceLocations={"allowed": ["europe-west1"]})),
    "ingress": Cause(("policy-forbids",), "constraints/run.allowedIngress", "exception",
                     policy(run__allowedIngress={"allowed": ["internal"]})),
    "egress": Cause(("policy-forbids",), "constraints/run.allowedVPCEgress", "exception",
                    policy(run__allowedVPCEgress={"allowed": ["all-traffic"]})),
    "public address": Cause(
        ("policy-forbids",), "constraints/sql.restrictPublicIp", "postgres.connectivity: private",
        policy(sql__restrictPublicIp=True), line=("--neo4j", "sidecar", "--postgres-connectivity", "connector"),
    ),
    "peering": Cause(("policy-forbids",), "constraints/compute.restrictVpcPeering", "exception",
                     policy(compute__restrictVpcPeering={"all": "deny"})),
    "machine images": Cause(("policy-forbids",), "Container-Optimized OS", "exception",
                            policy(compute__trustedImageProjects={"allowed": ["projects/acme-images"]})),
    "guest attributes": Cause(("policy-forbids",), "guest attributes, by which Neo4j's machine", "exception",
                              policy(compute__disableGuestAttributesAccess=True)),
    "confidential": Cause(("policy-forbids",), "constraints/compute.restrictNonConfidentialComputing", "exception",
                          policy(compute__restrictNonConfidentialComputing={"denied": ["is:compute.googleapis.com"]})),
    "services": Cause(("policy-forbids",), "constraints/gcp.restrictServiceUsage", "exception",
                      policy(gcp__restrictServiceUsage={"denied": ["sqladmin.googleapis.com"]})),
    "own keys": Cause(("policy-forbids",), "constraints/gcp.restrictNonCmekServices", "exception",
                      policy(gcp__restrictNonCmekServices={"denied": ["secretmanager.googleapis.com"]})),
    "signed images": Cause(("policy-forbids",), "Binary Authorization", "exception",
                           policy(run__allowedBinaryAuthorizationPolicies={"allowed": ["default"]})),
    "members": Cause(
        ("policy-forbids",), "constraints/iam.allowedPolicyMemberDomains", "members of the organisation",
        policy(iam__allowedPolicyMemberDomains={"all": "deny"}),
        line=("--access", "invokers", "--invoker", "user:x@example.com"),
    ),
    "project number": Cause(
        ("configuration",), "'123456789012' is not allowed", "not its number",
        line=("--project", "123456789012"), exit=2, step="--project",
    ),
    "image": Cause(("no-upstream-image",), "memmachine/memmachine:v0.4.0-cpu", "from PyPI",
                   line=("--image-source", "upstream")),
    "release": Cause(("unknown-release",), "9.9.9", "0.4.0", line=("--release", "9.9.9"), exit=2, step="release"),
    "a release of the guide's": Cause(
        ("release-not-deployable",), "in no package registry", "Use release 0.2.6",
        line=("--release", "0.1.10", "--image-source", "pypi"), step="release",
    ),
    "neo4j on Cloud Run": Cause(("neo4j-on-cloud-run",), "port 443 only", "mode: vm", line=("--neo4j", "cloud-run"),
                                step="neo4j.mode"),
}  # fmt: skip
NAMES = {cause: f"proj-{number:02d}" for number, cause in enumerate(CAUSES)}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    folder = tmp_path_factory.mktemp("refusals")
    projects = [
        {"id": NAMES[name], "number": 123456789000 + number, "enabled": ON, **cause.project}
        for number, (name, cause) in enumerate(CAUSES.items())
    ]
    world = folder / "world.yaml"
    world.write_text(yaml.safe_dump({"projects": [*projects, {"id": "proj-1", "enabled": ON}]}))
    served = Rehearsed.serve(folder / "cloud", world=world)
    yield served
    served.stop()


@pytest.mark.parametrize("name", CAUSES)
def test_each_cause_is_named_with_its_remedy_and_nothing_is_touched(
    name: str, memdeploy: Memdeploy, cloud: Rehearsed
) -> None:
    cause, since = CAUSES[name], cloud.last_request()
    line = ("up", "--yes", "--provider", "gcp", "--project", NAMES[name], *cause.line)
    found = memdeploy(*line, expect=cause.exit).json["errors"]
    assert tuple(error["code"] for error in found) == cause.codes
    assert found[0]["step"] == cause.step
    assert cause.says in found[0]["message"]
    assert cause.remedy in found[0]["suggestion"]
    untouched(memdeploy, cloud, since)


@pytest.mark.parametrize(
    "name", [name for name, cause in CAUSES.items() if cause.exit == 3 and cause.step == "preflight"]
)
def test_doctor_says_the_same(name: str, memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    cause, since = CAUSES[name], cloud.last_request()
    found = memdeploy("doctor", "--provider", "gcp", "--project", NAMES[name], *cause.line, expect=3)
    failed = [check["code"] for check in found.data["checks"] if check["verdict"] == "failed"]
    assert tuple(failed) == cause.codes
    assert tuple(error["code"] for error in found.json["errors"]) == cause.codes
    untouched(memdeploy, cloud, since)


def test_doctor_finds_nothing_wrong_where_nothing_is(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    since = cloud.last_request()
    found = memdeploy("doctor", "--provider", "gcp", "--project", "proj-1").data["checks"]
    verdicts = {check["check"]: check["verdict"] for check in found}
    assert {name for name, verdict in verdicts.items() if verdict == "failed"} == set()
    passed = {"credentials", "project", "billing", "permissions", "region", "quota", "machine", "tier", "policies",
              "caller", "clock", "engine", "release", "model-key", "names", "api.compute"}  # fmt: skip
    assert passed <= {name for name, verdict in verdicts.items() if verdict == "passed"}
    assert verdicts["api.run"] == "warning"
    untouched(memdeploy, cloud, since)


def test_policies_that_forbid_what_is_not_needed_are_no_reason_to_refuse(tmp_path: Path) -> None:
    """No keys, no public addresses, a shielded machine, and lists that name us."""
    harmless = {
        "iam.disableServiceAccountKeyCreation": True,
        "sql.restrictPublicIp": True,
        "compute.vmExternalIpAccess": {"all": "deny"},
        "compute.requireShieldedVm": True,
        "run.allowedIngress": {"allowed": ["is:all"]},
        "gcp.resourceLocations": {"allowed": ["in:us-central1-locations"]},
        "compute.trustedImageProjects": {"allowed": ["projects/cos-cloud"]},
        "gcp.restrictServiceUsage": {"denied": ["storage.googleapis.com"]},
        "gcp.restrictNonCmekServices": {"denied": ["bigquery.googleapis.com"]},
    }
    projects = [{"id": "proj-1", "enabled": ON, "policies": harmless}]
    with served(tmp_path, {"projects": projects}) as (memdeploy, _):
        checks = memdeploy("doctor", "--provider", "gcp", "--project", "proj-1").data["checks"]
        assert [c["verdict"] for c in checks if c["check"] == "policies"] == ["passed"]


def test_without_a_network_no_policy_on_networks_matters(tmp_path: Path) -> None:
    networks = {
        "compute.restrictVpcPeering": {"all": "deny"},
        "run.allowedVPCEgress": {"allowed": ["all-traffic"]},
        "gcp.restrictServiceUsage": {"denied": ["compute.googleapis.com"]},
        "compute.disableGuestAttributesAccess": True,
    }
    projects = [{"id": "proj-1", "enabled": ON, "policies": networks, "quotas": {"global": {"NETWORKS": 0}}}]
    with served(tmp_path, {"projects": projects}) as (memdeploy, _):
        line = ("--neo4j", "sidecar", "--postgres-connectivity", "connector")
        checks = memdeploy("doctor", *UP[2:], *line).data["checks"]
        assert {c["check"]: c["verdict"] for c in checks}["policies"] == "passed"
        assert "networks" not in [c["check"] for c in checks]


def test_a_restriction_that_cannot_be_judged_from_here_is_a_warning(tmp_path: Path) -> None:
    unsure = {
        "cloudbuild.allowedWorkerPools": {"allowed": ["under:organizations/1"]},
        "compute.restrictVpcPeering": {"allowed": ["under:organizations/1"]},
        "gcp.resourceLocations": {"allowed": ["in:us-locations"]},
    }
    projects = [{"id": "proj-1", "enabled": ON, "policies": unsure}]
    with served(tmp_path, {"projects": projects}) as (memdeploy, _):
        checks = memdeploy("doctor", "--provider", "gcp", "--project", "proj-1").data["checks"]
        found = {c["check"]: (c["verdict"], c["code"]) for c in checks if c["check"].startswith("polic")}
        assert found == {f"policy.{name}": ("warning", "policy-restricts") for name in unsure}


@pytest.mark.parametrize(
    ("project", "line", "code"),
    [
        ({}, ("--region", "mars-north1"), "region-unknown"),
        ({"billing": False}, (), "billing-off"),
        ({"deny": ["run.services.create"]}, (), "permissions-missing"),
        ({"deny": ["serviceusage.services.enable"]}, (), "permissions-missing"),
        ({"quotas": {"us-central1": {"CPUS": 1}}}, (), "quota"),
        (policy(run__allowedIngress={"allowed": ["internal"]}), (), "policy-forbids"),
    ],
)
def test_what_cannot_be_asked_while_the_apis_are_off_is_asked_once_they_are_on(
    project: Mapping[str, Any], line: tuple[str, ...], code: str, tmp_path: Path
) -> None:
    """Switching APIs on is the only change before all questions have an answer."""
    with served(tmp_path, {"projects": [{"id": "proj-1", **project}]}) as (memdeploy, cloud):
        found = memdeploy(*UP, *line, expect=3).json["errors"]
        assert [(error["code"], error["step"]) for error in found] == [(code, "apis")]
        changed = [r["path"].rpartition(":")[2] for r in cloud.requests() if r["mutates"]]
        assert changed == ["batchEnable"]


def test_an_image_that_the_hub_has(tmp_path: Path) -> None:
    hub = ["neo4j:5.26-community", "memmachine/memmachine:v0.4.0-cpu"]
    with served(tmp_path, {"hub": hub}) as (memdeploy, _):
        checks = memdeploy("doctor", *UP[2:], "--image-source", "upstream").data["checks"]
        assert {c["check"]: c["verdict"] for c in checks}["image"] == "passed"


def test_a_name_that_somebody_else_has_taken(tmp_path: Path) -> None:
    taken = {"service": "compute", "path": "/compute/v1/projects/proj-1/global/networks",
             "body": {"name": "memdeploy-us-central1", "autoCreateSubnetworks": False}}  # fmt: skip
    with served(tmp_path, {"projects": [{"id": "proj-1", "enabled": ON, "before": [taken]}]}) as (memdeploy, cloud):
        [refused] = memdeploy(*UP, expect=3).json["errors"]
        [failed] = memdeploy("doctor", *UP[2:], expect=3).json["errors"]
        assert (refused["code"], refused["step"]) == ("foreign", "shared.network")
        assert (failed["code"], failed["step"]) == ("foreign", "names")
        assert "memdeploy-us-central1" in failed["message"]
        untouched(memdeploy, cloud, 0)


def test_a_project_that_does_not_exist(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    since = cloud.last_request()
    refused = memdeploy("up", "--yes", "--provider", "gcp", "--project", "nobodys-proj", expect=3)
    [error] = refused.json["errors"]
    assert (error["code"], error["step"]) == ("project-not-found", "preflight")
    assert "nobodys-proj" in error["message"]
    assert "project's id" in error["suggestion"]
    untouched(memdeploy, cloud, since)


def test_without_a_terminal_the_flag_is_named(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    since = cloud.last_request()
    unanswered = memdeploy("up", "--provider", "gcp", "--project", "proj-1", expect=4)
    assert "--yes" in unanswered.json["errors"][0]["suggestion"]
    untouched(memdeploy, cloud, since)


def test_finish_needs_a_destroy_that_was_begun(memdeploy: Memdeploy, cloud: Rehearsed) -> None:
    nobody = memdeploy("destroy", "--finish", expect=8)
    assert nobody.json["errors"][0]["code"] == "no-deployment"
