"""What `doctor --print-role` prints suffices, and is no more than what is used."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

JSON = {"Content-Type": "application/json"}
APIS = [f"{name}.googleapis.com" for name in ("cloudresourcemanager", "cloudbilling", "compute", "iam")]

#: Printed, and not used by the commands below: why they are needed all the same.
OTHERWISE: Mapping[str, str] = {
    "artifactregistry.repositories.uploadArtifacts": "an image that is built here and pushed",
    "cloudbuild.builds.list": "a build whose answer was lost is found by its tag",
    "cloudsql.users.update": "a password that is set again",
    "compute.disks.resize": "an edit of neo4j.disk_gb",
    "compute.firewalls.update": "a rule that somebody changed",
    "compute.instances.getSerialPortOutput": "what Neo4j's machine says, for logs",
    "compute.instances.setMachineType": "an edit of neo4j.machine",
    "compute.instances.start": "a machine that somebody stopped, an edit of neo4j.machine",
    "compute.instances.stop": "an edit of neo4j.machine",
    "compute.networks.removePeering": "destroy --shared while Google still holds the peering",
    "compute.resourcePolicies.update": "a schedule that somebody changed",
    "compute.subnetworks.setPrivateIpGoogleAccess": "a subnet that somebody changed",
    "iam.serviceAccounts.list": "recover, which looks for what carries a marker",
    "iam.serviceAccounts.enable": "an account that somebody disabled",
    "iam.serviceAccounts.update": "a name that somebody changed",
    "logging.logEntries.list": "logs of what failed",
    "run.jobs.update": "another image",
    "run.revisions.get": "why a revision failed",
    "run.tasks.list": "which exit code preparation had",
    "secretmanager.secrets.update": "labels that somebody changed",
    "serviceusage.services.use": "a user's credentials with this project for quota",
}
#: Used and not printed: the verifier's own policy grants the first; without the second a warning is left out.
GRANTED_OR_OPTIONAL = {"iam.serviceAccounts.getOpenIdToken", "orgpolicy.policy.get"}


#: A deployment without machine and network.
SMALL = ("--neo4j", "sidecar", "--postgres-connectivity", "connector")


def printed(tmp_path: Path, *mode: str) -> list[str]:
    memdeploy = Memdeploy(tmp_path)
    line = ("doctor", "--print-role", "--provider", "gcp", "--rehearse", "--backing", "none", *mode)
    found = memdeploy(*line, json_output=False)
    role = yaml.safe_load(found.stdout)
    assert set(role) == {"title", "description", "stage", "includedPermissions"}
    names: list[str] = role["includedPermissions"]
    assert len(names) == len(set(names)) > 50
    return names


@pytest.fixture(scope="module")
def role(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return printed(tmp_path_factory.mktemp("role"))


@pytest.fixture
def cloud(tmp_path: Path, role: list[str]) -> Iterator[Rehearsed]:
    world = tmp_path / "world.yaml"
    world.write_text(yaml.safe_dump({"projects": [{"id": "proj-1", "enabled": APIS, "allow": role}]}))
    served = Rehearsed.serve(tmp_path / "cloud", world=world)
    yield served
    served.stop()


def test_with_exactly_that_role_everything_succeeds_and_nothing_of_it_is_idle(
    memdeploy: Memdeploy, cloud: Rehearsed, role: list[str]
) -> None:
    memdeploy(*UP)
    memdeploy("up", "--yes", "--max-instances", "7")
    memdeploy("status")
    memdeploy("destroy", "--yes", "--delete-data", expect=11)
    cloud.let_go()
    memdeploy("destroy", "--finish")
    cloud.let_go()
    memdeploy("destroy", "--shared", "--yes")
    used = {name for request in cloud.requests() for name in request["permissions"]}
    assert used - set(role) <= GRANTED_OR_OPTIONAL
    assert set(role) - used == set(OTHERWISE)


def test_without_machine_and_network_a_smaller_role_suffices(tmp_path: Path, role: list[str]) -> None:
    (tmp_path / "printer").mkdir()
    smaller = printed(tmp_path / "printer", *SMALL)
    assert set(smaller) < set(role)
    world = tmp_path / "world.yaml"
    world.write_text(yaml.safe_dump({"projects": [{"id": "proj-1", "enabled": APIS, "allow": smaller}]}))
    served = Rehearsed.serve(tmp_path / "cloud", world=world)
    try:
        memdeploy = Memdeploy(tmp_path, served.environment)
        memdeploy(*UP, *SMALL)
        memdeploy("up", "--yes", "--memory", "3Gi")
        memdeploy("status")
        memdeploy("destroy", "--yes", "--delete-data")
        used = {name for request in served.requests() for name in request["permissions"]}
    finally:
        served.stop()
    assert used - set(smaller) <= GRANTED_OR_OPTIONAL
    shared = {"artifactregistry.repositories.delete", "artifactregistry.packages.list"}  # destroy --shared
    assert set(smaller) - used <= set(OTHERWISE) | shared


def test_each_permission_is_missed_and_named(tmp_path: Path, role: list[str]) -> None:
    """Preflight asks for each by itself."""
    projects = [
        {"id": f"proj-{n:03d}", "enabled": APIS, "allow": [name for name in role if name != left_out]}
        for n, left_out in enumerate(role)
    ]
    world = tmp_path / "world.yaml"
    world.write_text(yaml.safe_dump({"projects": projects}))
    served = Rehearsed.serve(tmp_path / "cloud", world=world)
    try:
        for n, left_out in enumerate(role):
            body = {"permissions": role}
            path = f"/cloudresourcemanager/v3/projects/proj-{n:03d}:testIamPermissions"
            assert set(role) - set(served.ask("POST", path, body)["permissions"]) == {left_out}
        some = role[:: len(role) // 4]
        for left_out in some:
            memdeploy = Memdeploy(tmp_path, served.environment)
            line = ("up", "--yes", "--provider", "gcp", "--project", f"proj-{role.index(left_out):03d}")
            message = memdeploy(*line, expect=3).json["errors"][0]["message"]
            assert re.search(rf"{re.escape(left_out)}(?![\w.])", message), message
        assert [request for request in served.requests() if request["mutates"]] == []
    finally:
        served.stop()


NETWORK = {"name": "n", "autoCreateSubnetworks": False}
#: What the cloud itself refuses without a permission, whatever preflight asked before: request and permission.
REFUSED = [
    ("compute.networks.create", "/compute/compute/v1/projects/P/global/networks", NETWORK),
    ("compute.networks.updatePolicy", "/compute/compute/v1/projects/P/global/firewalls", {"name": "f"}),
    (
        "compute.networks.use",
        "/compute/compute/v1/projects/P/global/addresses",
        {"name": "a", "network": "global/networks/n"},
    ),
    (
        "compute.disks.setLabels",
        "/compute/compute/v1/projects/P/zones/us-central1-a/disks",
        {"name": "d", "labels": {"a": "b"}},
    ),
    (
        "compute.instances.setMetadata",
        "/compute/compute/v1/projects/P/zones/us-central1-a/instances",
        {"name": "i", "metadata": {"items": [{"key": "a", "value": "b"}]}},
    ),
    ("iam.serviceAccounts.actAs", "/run/v2/projects/P/locations/us-central1/services?serviceId=s", {}),
    (
        "artifactregistry.repositories.downloadArtifacts",
        "/run/v2/projects/P/locations/us-central1/jobs?jobId=j",
        {},
    ),
    ("secretmanager.versions.add", "/secretmanager/v1/projects/P/secrets/s:addVersion", {}),
    ("cloudsql.instances.create", "/sqladmin/v1/projects/P/instances", {"name": "s"}),
    ("serviceusage.services.enable", "/serviceusage/v1/projects/P/services:batchEnable", {"serviceIds": []}),
]


def test_the_cloud_itself_refuses_and_names_it(tmp_path: Path, role: list[str]) -> None:
    """So preflight is no guess: what it asks for is what is asked of it later."""
    everything = [f"{name}.googleapis.com" for name in ("run", "secretmanager", "sqladmin")]
    projects = [
        {"id": f"proj-{n:03d}", "enabled": APIS + everything, "allow": [name for name in role if name != left_out]}
        for n, (left_out, _, _) in enumerate(REFUSED)
    ]
    world = tmp_path / "world.yaml"
    world.write_text(yaml.safe_dump({"projects": projects}))
    served = Rehearsed.serve(tmp_path / "cloud", world=world)
    try:
        for n, (left_out, path, body) in enumerate(REFUSED):
            url = served.endpoint + path.replace("projects/P/", f"projects/proj-{n:03d}/")
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), JSON), timeout=30)
            assert refused.value.code == 403, (left_out, refused.value.read())
            said = refused.value.read().decode()
            assert left_out in said or (left_out.startswith("cloudsql.") and "notAuthorized" in said)  # names none
        assert [request for request in served.requests() if request["created"]] == []
    finally:
        served.stop()
