"""The deployment that the guide to MemMachine in the cloud describes, by its own gcloud commands.

Its dead flag (`--enable-bin-log=false`) is left out, the default account is named by the project's number, and its
image is there: as the real cloud, too, would have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.witness.conftest import project, served
from tests.support.gcloud import Gcloud, Spoken
from tests.support.rehearsed import Rehearsed

NUMBER, REGION = "123456789012", "us-central1"
R = ("--region", REGION)
IMAGE = "gcr.io/proj-1/memmachine-custom"
DEFAULT = f"serviceAccount:{NUMBER}-compute@developer.gserviceaccount.com"
DEPLOYER = "memmachine-deployer"
SAID = "MemMachine is up"


def world() -> dict[str, Any]:
    """A new project has a network `default`; the guide's database needs services to be peered with it."""
    compute, network = "/compute/v1/projects/proj-1/global", "projects/proj-1/global/networks/default"
    space = {"name": "psa", "purpose": "VPC_PEERING", "addressType": "INTERNAL", "prefixLength": 20, "network": network}
    peering = {"network": f"projects/{NUMBER}/global/networks/default", "reservedPeeringRanges": ["psa"]}
    peer = "/v1/services/servicenetworking.googleapis.com/connections/-?updateMask=reservedPeeringRanges&force=true"
    before = [
        {"service": "compute", "path": f"{compute}/networks", "body": {"name": "default"}},
        {"service": "compute", "path": f"{compute}/addresses", "body": space},
        {"service": "servicenetworking", "method": "PATCH", "path": peer, "body": peering},
    ]
    return {"hub": ["neo4j:5.23-community"], "projects": [project("proj-1", int(NUMBER), before=before)]}


@dataclass(frozen=True)
class Guided:
    cloud: Rehearsed
    gcloud: Gcloud
    digest: str
    said: dict[str, Spoken]


@pytest.fixture(scope="module")
def guided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guided]:
    with served(tmp_path_factory.mktemp("guide"), world()) as (cloud, gcloud):
        planted = {"containers": [{"name": "memmachine-*", "lines": [SAID], "starts": True}]}
        cloud.ask("POST", "/_rehearsal/containers", planted)
        ground = gcloud.at_once(_ground(gcloud.folder))
        above = gcloud.at_once(_above(gcloud.folder))
        digest = str(above["image"].json["results"]["images"][0]["digest"])
        address = gcloud("sql", "instances", "describe", "mm", "--format", "get(ipAddresses[0].ipAddress)").stdout
        services = gcloud.at_once(_services(digest, address.strip()))
        yield Guided(cloud, gcloud, digest, {**ground, **above, **services})


def _ground(folder: Path) -> dict[str, tuple[str, ...]]:
    (folder / "value").write_text("a secret")
    secret = ("--data-file", str(folder / "value"), "--replication-policy", "automatic")
    return {
        "account": ("iam", "service-accounts", "create", DEPLOYER, "--display-name", "MemMachine Deployment"),
        "reader": ("projects", "add-iam-policy-binding", "proj-1", "--member", DEFAULT,
                   "--role", "roles/secretmanager.secretAccessor"),
        "secret": ("secrets", "create", "openai-key", *secret),
        "database": ("sql", "instances", "create", "mm", "--database-version", "POSTGRES_15",
                     "--tier", "db-custom-1-3840", *R, "--root-password", "pw", "--network", "default", "--no-backup"),
        "registry": ("artifacts", "repositories", "create", "gcr.io", "--repository-format", "docker",
                     "--location", "us"),
        "network": ("compute", "networks", "create", "memmachine-vpc", "--subnet-mode", "auto"),
    }  # fmt: skip


def _above(folder: Path) -> dict[str, tuple[str, ...]]:
    steps = [{"name": "gcr.io/cloud-builders/docker", "args": ["build", "-t", f"{IMAGE}:v1", "."]}]
    build = {"steps": steps, "images": [f"{IMAGE}:v1"], "options": {"logging": "CLOUD_LOGGING_ONLY"}}
    (folder / "build.yaml").write_text(yaml.safe_dump(build))
    email = f"{DEPLOYER}@proj-1.iam.gserviceaccount.com"
    return {
        "image": ("builds", "submit", "--no-source", "--config", str(folder / "build.yaml"), "--format", "json"),
        "key": ("iam", "service-accounts", "keys", "create", str(folder / "key.json"), "--iam-account", email),
        "open": ("sql", "instances", "patch", "mm", "--authorized-networks", "0.0.0.0/0"),
        "firewall": ("compute", "firewall-rules", "create", "allow-postgres", "--network", "memmachine-vpc",
                     "--allow", "tcp:5432", "--source-ranges", "0.0.0.0/0"),
    }  # fmt: skip


def _services(digest: str, address: str) -> dict[str, tuple[str, ...]]:
    neo4j = ("--image", "neo4j:5.23-community", "--cpu", "1", "--memory", "2Gi", "--min-instances", "1",
             "--max-instances", "1", "--port", "7687")  # fmt: skip
    own = ("--image", f"{IMAGE}@{digest}", "--cpu", "2", "--memory", "2Gi", "--min-instances", "0",
           "--max-instances", "10", "--port", "8080", "--timeout", "600s")  # fmt: skip
    return {
        "neo4j": ("run", "deploy", "neo4j-x", *R, *neo4j, "--set-env-vars", "NEO4J_AUTH=neo4j/pw",
                  "--set-env-vars", "NEO4J_server_memory_heap_max__size=1G", "--allow-unauthenticated"),
        "memmachine": ("run", "deploy", "memmachine-x", *R, *own, "--set-env-vars", f"POSTGRES_HOST={address}",
                       "--set-secrets", "OPENAI_API_KEY=openai-key:latest", "--allow-unauthenticated"),
    }  # fmt: skip


def test_its_commands_deploy_both_services(guided: Guided) -> None:
    told = guided.gcloud.at_once(
        {
            "services": ("run", "services", "list", *R, "--format", "json"),
            "revisions": ("run", "revisions", "list", *R, "--service", "memmachine-x", "--format", "json"),
            "logs": ("run", "services", "logs", "read", "memmachine-x", *R, "--limit", "50"),
            "image": ("artifacts", "docker", "images", "describe", f"{IMAGE}:v1", "--format", "json"),
        }
    )
    services = {item["metadata"]["name"]: item for item in told["services"].json}
    assert set(services) == {"memmachine-x", "neo4j-x"}
    assert {one["status"]["conditions"][0]["status"] for one in services.values()} == {"True"}
    template = services["memmachine-x"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["image"] == f"{IMAGE}@{guided.digest}"
    assert container["ports"] == [{"containerPort": 8080}]
    assert template["spec"]["timeoutSeconds"] == 600
    assert template["metadata"]["annotations"]["autoscaling.knative.dev/maxScale"] == "10"
    env = {entry["name"]: entry.get("value") or entry["valueFrom"]["secretKeyRef"] for entry in container["env"]}
    assert env == {"POSTGRES_HOST": "203.0.113.2", "OPENAI_API_KEY": {"name": "openai-key", "key": "latest"}}
    (revision,) = told["revisions"].json
    assert revision["metadata"]["name"] == services["memmachine-x"]["status"]["latestReadyRevisionName"]
    assert SAID in told["logs"].stdout
    assert told["image"].json["image_summary"]["digest"] == guided.digest


def test_anybody_may_call_what_it_deployed(guided: Guided) -> None:
    path = f"/run/v2/projects/proj-1/locations/{REGION}/services/memmachine-x:getIamPolicy"
    assert guided.cloud.ask("GET", path)["bindings"] == [{"role": "roles/run.invoker", "members": ["allUsers"]}]


def test_what_cannot_start_fails_with_the_clouds_reason_and_can_be_deleted(guided: Guided) -> None:
    digest = f"sha256:{'a' * 64}"
    line = ("run", "deploy", "absent", *R, "--image", f"{IMAGE}@{digest}", "--no-allow-unauthenticated")
    assert f"Image '{IMAGE}@{digest}' not found." in guided.gcloud(*line, expect=1).stderr
    guided.gcloud("run", "services", "delete", "absent", *R)
    assert not [item for item in guided.cloud.inventory() if item["name"].endswith("/absent")]
