"""A project that others live in too: things of theirs that a careless `destroy` of `alpha` would take along.

Two families, each with every kind of thing that memdeploy makes, under names that begin as alpha's do: one without any
marker, one that carries the marker of another deployment's id.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.rehearsed import Rehearsed

PROJECT, NUMBER, REGION = "proj-1", "123456789012", "us-central1"
ZONE = f"{REGION}-a"
NAME = "alpha"
STRANGER = "zzzzzzzzzzzz"
MEMBER = "user:ann@example.com"
APIS = (
    "artifactregistry", "cloudbuild", "compute", "iam", "iamcredentials", "run", "secretmanager", "servicenetworking",
    "sqladmin",
)  # fmt: skip

Body = dict[str, Any]


@dataclass(frozen=True)
class Family:
    """`marker` is the id that its things carry, if any. `octet` keeps the families' address ranges apart."""

    base: str
    marker: str | None
    octet: int

    @property
    def labels(self) -> Body:
        return {"labels": {"memdeploy": self.marker} if self.marker else {"team": "ops"}}

    @property
    def description(self) -> Body:
        return {"description": f"memdeploy/{self.marker}" if self.marker else "set up by hand"}


FAMILIES = (Family(f"{NAME}-0000", None, 91), Family(f"{NAME}-zzzz", STRANGER, 92))


def world() -> Mapping[str, Any]:
    """Projects keep their APIs on; all decoys that need no image are there before us."""
    before = [request for family in FAMILIES for request in _before(family)]
    return {"projects": [{"id": PROJECT, "number": NUMBER, "enabled": _enabled(), "before": before}]}


def in_the_way() -> Mapping[str, Any]:
    """Somebody has a network, a range and repositories under the very names of what deployments share."""
    base = f"memdeploy-{REGION}"
    stranger = Family(base, STRANGER, 91)
    network, place = f"projects/{PROJECT}/global/networks/{base}", f"/v1/projects/{PROJECT}/locations/{REGION}"
    peering = {"addressType": "INTERNAL", "purpose": "VPC_PEERING", "network": network}
    images = {"format": "DOCKER", "mode": "STANDARD_REPOSITORY"}
    before = [
        _compute("global/networks", {"name": base, "autoCreateSubnetworks": False}),
        _compute("global/addresses", {"name": f"{base}-range", **peering, "address": "10.9.0.0", "prefixLength": 16}),
        _post("artifactregistry", f"{place}/repositories?repositoryId={base}", images),
        _post("artifactregistry", f"{place}/repositories?repositoryId={base}-hub", {**images, **stranger.labels}),
    ]
    return {"projects": [{"id": PROJECT, "number": NUMBER, "enabled": _enabled(), "before": before}]}


def deploy_services(cloud: Rehearsed) -> None:
    """Cloud Run's decoys: an image's name holds the registry's address, which a world file cannot know."""
    host = cloud.endpoint.removeprefix("http://")
    parent = f"/run/v2/projects/{PROJECT}/locations/{REGION}"
    for family in FAMILIES:
        image = f"{host}/{REGION}/{PROJECT}/{family.base}-hub/neo4j:5.26-community"
        account = f"{family.base}-run@{PROJECT}.iam.gserviceaccount.com"
        template = {"containers": [{"image": image}], "serviceAccount": account}
        service = {**family.labels, "template": template}
        cloud.ask("POST", f"{parent}/services?serviceId={family.base}-api", service)
        job = {**family.labels, "template": {"template": template}}
        cloud.ask("POST", f"{parent}/jobs?jobId={family.base}-prep", job)
        cloud.ask("POST", f"{parent}/services/{family.base}-api:setIamPolicy", _policy("roles/run.invoker"))


def imitate(cloud: Rehearsed, base: str) -> None:
    """Things of somebody else whose names begin with the deployment's full base, its random suffix included."""
    compute, secrets = f"/compute/compute/v1/projects/{PROJECT}", f"/secretmanager/v1/projects/{PROJECT}/secrets"
    cloud.ask("POST", f"{secrets}?secretId={base}-pg-old", {"replication": {"automatic": {}}})
    cloud.ask("POST", f"{compute}/zones/{ZONE}/disks", {"name": f"{base}-data-2", "sizeGb": "10"})
    repositories = f"/artifactregistry/v1/projects/{PROJECT}/locations/{REGION}/repositories"
    cloud.ask("POST", f"{repositories}?repositoryId={base}", {"format": "DOCKER", "mode": "STANDARD_REPOSITORY"})
    account = {"accountId": f"{base}-x", "serviceAccount": {"displayName": "theirs"}}
    cloud.ask("POST", f"/iam/v1/projects/{PROJECT}/serviceAccounts", account)


def usurp(cloud: Rehearsed, base: str) -> None:
    """Somebody deletes a deployment's secret and makes one of their own under its name, without the marker."""
    secrets = f"/secretmanager/v1/projects/{PROJECT}/secrets"
    cloud.ask("DELETE", f"{secrets}/{base}-key")
    cloud.ask("POST", f"{secrets}?secretId={base}-key", {"replication": {"automatic": {}}})
    cloud.ask("POST", f"{secrets}/{base}-key:addVersion", {"payload": {"data": "dGhlaXJz"}})


def _enabled() -> list[str]:
    return [f"{name}.googleapis.com" for name in APIS]


def _before(family: Family) -> Iterator[Body]:
    yield from _network(family)
    yield from _machine(family)
    yield from _secrets(family)
    yield from _repositories(family)
    yield from _database(family)
    yield _post(
        "cloudbuild",
        f"/v1/projects/{PROJECT}/locations/{REGION}/builds",
        {"steps": [{"name": "ubuntu", "args": ["true"]}], "tags": [f"memdeploy-{family.marker or NAME}-82c08e1be4f5"]},
    )


def _network(family: Family) -> Iterator[Body]:
    base, network = family.base, f"projects/{PROJECT}/global/networks/{family.base}-net"
    subnet = f"projects/{PROJECT}/regions/{REGION}/subnetworks/{base}-net"
    said = family.description
    yield _compute("global/networks", {"name": f"{base}-net", "autoCreateSubnetworks": False, **said})
    cidr = f"10.{family.octet}.0.0/24"
    yield _compute(_region("subnetworks"), {"name": f"{base}-net", "network": network, "ipCidrRange": cidr, **said})
    rule = {"network": network, "allowed": [{"IPProtocol": "tcp", "ports": ["7687"]}], "sourceRanges": [cidr]}
    yield _compute("global/firewalls", {"name": f"{base}-bolt", **rule, **said})
    inside = {"addressType": "INTERNAL", "purpose": "GCE_ENDPOINT", "subnetwork": subnet}
    yield _compute(_region("addresses"), {"name": f"{base}-neo", **inside, **said})
    peering = {"addressType": "INTERNAL", "purpose": "VPC_PEERING", "network": network}
    space = {"address": f"10.{family.octet + 10}.0.0", "prefixLength": 16}
    yield _compute("global/addresses", {"name": f"{base}-range", **peering, **space, **said})


def _machine(family: Family) -> Iterator[Body]:
    base, zone = family.base, f"zones/{ZONE}"
    daily = {"schedule": {"dailySchedule": {"daysInCycle": 1, "startTime": "04:00"}}}
    yield _compute(
        _region("resourcePolicies"), {"name": f"{base}-snap", "snapshotSchedulePolicy": daily, **family.description}
    )
    yield _compute(f"{zone}/disks", {"name": f"{base}-data", "sizeGb": "20", **family.labels})
    image = {"sourceImage": "projects/cos-cloud/global/images/family/cos-stable", "diskSizeGb": "10"}
    disk = {"source": f"projects/{PROJECT}/{zone}/disks/{base}-data", "autoDelete": False}
    subnet = f"projects/{PROJECT}/regions/{REGION}/subnetworks/{base}-net"
    machine = {
        "machineType": f"{zone}/machineTypes/e2-medium",
        "disks": [{"boot": True, "autoDelete": True, "initializeParams": image}, disk],
        "networkInterfaces": [{"subnetwork": subnet}],
    }
    yield _compute(f"{zone}/instances", {"name": f"{base}-neo", **machine, **family.labels})
    snapshot = {"name": f"{base}-data-20260101000000", **family.labels}
    yield _compute(f"{zone}/disks/{base}-data/createSnapshot", snapshot)


def _secrets(family: Family) -> Iterator[Body]:
    account = {"displayName": "theirs", **family.description}
    for role in ("run", "neo", "bld", "vrf"):
        body = {"accountId": f"{family.base}-{role}", "serviceAccount": account}
        yield _post("iam", f"/v1/projects/{PROJECT}/serviceAccounts", body)
    email = f"{family.base}-vrf@{PROJECT}.iam.gserviceaccount.com"
    path = f"/v1/projects/{PROJECT}/serviceAccounts/{email}:setIamPolicy"
    yield _post("iam", path, _policy("roles/iam.serviceAccountOpenIdTokenCreator"))
    for role in ("key", "pg", "neo", "tls"):
        secret = f"/v1/projects/{PROJECT}/secrets/{family.base}-{role}"
        automatic = {"replication": {"automatic": {}}, **family.labels}
        yield _post("secretmanager", f"/v1/projects/{PROJECT}/secrets?secretId={family.base}-{role}", automatic)
        payload = base64.b64encode(f"theirs, {role}".encode()).decode()
        yield _post("secretmanager", f"{secret}:addVersion", {"payload": {"data": payload}})
        yield _post("secretmanager", f"{secret}:setIamPolicy", _policy("roles/secretmanager.secretAccessor"))


def _repositories(family: Family) -> Iterator[Body]:
    place = f"/v1/projects/{PROJECT}/locations/{REGION}/repositories"
    images = {"format": "DOCKER", "mode": "STANDARD_REPOSITORY", **family.labels}
    yield _post("artifactregistry", f"{place}?repositoryId={family.base}", images)
    hub = {"dockerRepository": {"publicRepository": "DOCKER_HUB"}}
    remote = {"format": "DOCKER", "mode": "REMOTE_REPOSITORY", "remoteRepositoryConfig": hub, **family.labels}
    yield _post("artifactregistry", f"{place}?repositoryId={family.base}-hub", remote)
    policy = _policy("roles/artifactregistry.reader")
    yield _post("artifactregistry", f"{place}/{family.base}:setIamPolicy", policy)


def _database(family: Family) -> Iterator[Body]:
    name, place = f"{family.base}-sql", f"/v1/projects/{PROJECT}/instances"
    settings = {"edition": "ENTERPRISE", "tier": "db-custom-1-3840", "userLabels": family.labels["labels"]}
    body = {"name": name, "databaseVersion": "POSTGRES_17", "region": REGION, "settings": settings}
    yield _post("sqladmin", place, body)
    yield _post("sqladmin", f"{place}/{name}/databases", {"name": "memmachine"})
    yield _post("sqladmin", f"{place}/{name}/users", {"name": "memmachine", "password": "theirs-of-old"})


def _policy(role: str) -> Body:
    return {"policy": {"bindings": [{"role": role, "members": [MEMBER]}]}}


def _compute(collection: str, body: Body) -> Body:
    return _post("compute", f"/compute/v1/projects/{PROJECT}/{collection}", body)


def _region(collection: str) -> str:
    return f"regions/{REGION}/{collection}"


def _post(service: str, path: str, body: Body) -> Body:
    return {"service": service, "method": "POST", "path": path, "body": body}
