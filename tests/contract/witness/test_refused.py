"""Requests that the cloud refuses, sent by its own client: the code, the status and the reason are Google's.

gcloud prints what it was answered (`--log-http`); each row says where that answer is from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.witness.conftest import project, served
from tests.support.gcloud import Spoken

R, Z = ("--region", "us-central1"), ("--zone", "us-central1-a")
DEPLOY = ("run", "deploy", "svc", *R, "--no-allow-unauthenticated")
NEO4J = ("--image", "neo4j:5.26-community")
SQL = ("sql", "instances", "create", "db", *R)
ENTERPRISE = ("--edition", "enterprise", "--tier", "db-custom-1-3840")
BAD, DENIED, TAKEN = "INVALID_ARGUMENT", "PERMISSION_DENIED", "ALREADY_EXISTS"


@dataclass(frozen=True)
class Case:
    """`word`: the error's `status`, or, where the API's errors are of the older form, `errors[0].reason`."""

    line: tuple[str, ...]
    code: int
    word: str
    says: str
    source: str


CASES: Mapping[str, Case] = {
    "tier of another edition": Case(
        (*SQL, "--database-version", "POSTGRES_17", "--tier", "db-custom-1-3840"), 400, "invalid",
        "Invalid Tier (db-custom-1-3840) for (ENTERPRISE_PLUS) Edition", "GoogleCloudPlatform/magic-modules#18014",
    ),
    "log retention": Case(
        (*SQL, "--database-version", "POSTGRES_17", *ENTERPRISE, "--enable-point-in-time-recovery",
         "--backup-start-time", "03:00", "--retained-transaction-log-days", "8"), 400, "invalid",
        "The number of transaction log retention days must be between 1 and 7", "langfuse/langfuse-terraform-gcp#8",
    ),
    "network without peering": Case(
        (*SQL, "--database-version", "POSTGRES_17", *ENTERPRISE, "--network", "theirs", "--no-assign-ip"), 400,
        "invalid", "Incorrect Service Networking config for instance: proj-1:db:NETWORK_NOT_PEERED",
        "opstrace/opstrace#293",
    ),
    "database protected": Case(
        ("sql", "instances", "delete", "kept"), 400, "invalid", "protected",
        "https://cloud.google.com/sql/docs/postgres/deletion-protection",
    ),
    "CPU of three": Case(
        (*DEPLOY, *NEO4J, "--cpu", "3"), 400, BAD, "resources.limits.cpu",
        "https://cloud.google.com/run/docs/configuring/services/cpu",
    ),
    "no digest": Case(
        (*DEPLOY, "--image", "gcr.io/proj-1/memmachine@sha256:YOUR-DIGEST-HERE"), 400, BAD,
        "spec.template.spec.containers[0].image: Expected an image path like", "ko-build/terraform-provider-ko#205",
    ),
    "probe too long": Case(
        (*DEPLOY, *NEO4J, "--startup-probe", "httpGet.path=/,periodSeconds=10,failureThreshold=25"), 400, BAD,
        "at most 240 seconds", "PolicyEngine/policyengine-api#3765",
    ),
    "reserved variable": Case(
        (*DEPLOY, *NEO4J, "--set-env-vars", "PORT=1"), 400, BAD, "reserved env names were provided: PORT",
        "https://cloud.google.com/run/docs/container-contract#env-vars",
    ),
    "account not there": Case(
        (*DEPLOY, *NEO4J, "--service-account", "nobody@proj-1.iam.gserviceaccount.com"), 403, DENIED,
        "iam.serviceaccounts.actAs", "https://cloud.google.com/run/docs/configuring/services/service-identity",
    ),
    "secret taken": Case(
        ("secrets", "create", "theirs", "--replication-policy", "automatic"), 409, TAKEN, "already exists",
        "https://cloud.google.com/secret-manager/docs/reference/rest (recorded by k8s-config-connector)",
    ),
    "default account by id": Case(
        ("projects", "add-iam-policy-binding", "proj-1", "--role", "roles/viewer", "--member",
         "serviceAccount:proj-1-compute@developer.gserviceaccount.com"), 400, BAD, "does not exist",
        "https://cloud.google.com/compute/docs/access/service-accounts#default_service_account",
    ),
    "network in use": Case(
        ("compute", "networks", "delete", "theirs"), 400, "resourceInUseByAnotherResource", "is already being used by",
        "https://cloud.google.com/vpc/docs/create-modify-vpc-networks#delete_network",
    ),
    "machine type": Case(
        ("compute", "instances", "create", "vm", *Z, "--machine-type", "e9-huge", "--subnet", "theirs", "--no-address",
         "--image-family", "cos-stable", "--image-project", "cos-cloud"), 400, "invalid", "e9-huge",
        "https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-vm-creation",
    ),
    "machine protected": Case(
        ("compute", "instances", "delete", "kept", *Z), 400, "invalidResourceUsage",
        "Resource cannot be deleted if it's protected against deletion", "hashicorp/terraform-provider-google#1211",
    ),
    "API off": Case(
        ("sql", "instances", "list", "--project", "proj-off"), 403, "accessNotConfigured", "SERVICE_DISABLED",
        "https://cloud.google.com/service-usage/docs/enable-disable",
    ),
    "project of somebody else": Case(
        ("projects", "describe", "proj-none"), 403, DENIED, "does not have permission",
        "recorded by k8s-config-connector: a project one cannot see is 403, never 404",
    ),
}  # fmt: skip


def world() -> dict[str, Any]:
    """Somebody's network, secret, protected machine and database."""
    project_ = "projects/proj-1"
    subnet = f"{project_}/regions/us-central1/subnetworks/theirs"
    image = {"sourceImage": "projects/cos-cloud/global/images/family/cos-stable"}
    machine = {
        "name": "kept",
        "machineType": "zones/us-central1-a/machineTypes/e2-small",
        "disks": [{"boot": True, "initializeParams": image}],
        "networkInterfaces": [{"subnetwork": subnet}],
        "deletionProtection": True,
    }
    settings = {"tier": "db-custom-1-3840", "edition": "ENTERPRISE", "deletionProtectionEnabled": True}
    network = {"name": "theirs", "network": f"{project_}/global/networks/theirs", "ipCidrRange": "10.9.0.0/24"}
    before = [
        _post("compute", f"/compute/v1/{project_}/global/networks", {"name": "theirs", "autoCreateSubnetworks": False}),
        _post("compute", f"/compute/v1/{project_}/regions/us-central1/subnetworks", network),
        _post("compute", f"/compute/v1/{project_}/zones/us-central1-a/instances", machine),
        _post("sqladmin", f"/v1/{project_}/instances",
              {"name": "kept", "databaseVersion": "POSTGRES_17", "region": "us-central1", "settings": settings}),
        _post("secretmanager", f"/v1/{project_}/secrets?secretId=theirs", {"replication": {"automatic": {}}}),
    ]  # fmt: skip
    off = {"id": "proj-off", "number": 222222222222}
    return {"projects": [project("proj-1", 123456789012, before=before), off]}


def _post(service: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"service": service, "method": "POST", "path": path, "body": body}


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Spoken]]:
    with served(tmp_path_factory.mktemp("refused"), world()) as (_, gcloud):
        yield gcloud.at_once({name: (*case.line, "--log-http") for name, case in CASES.items()}, expect=None)


@pytest.mark.parametrize("name", CASES)
def test_the_refusal_is_googles_own(spoken: Mapping[str, Spoken], name: str) -> None:
    case, said = CASES[name], spoken[name]
    assert said.code != 0, said.stdout
    assert said.refusals, said.stderr[-2000:]
    error = said.refusals[-1]
    word = error["errors"][0]["reason"] if "errors" in error else error["status"]
    assert (error["code"], word) == (case.code, case.word), error
    assert case.says in str(error), error
