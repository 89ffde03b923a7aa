"""What memdeploy made, described by Google's own client: each field is the one that memdeploy meant. What others then
make under memdeploy's names is theirs: it stops, and touches nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.witness import meant as intent
from tests.contract.witness.conftest import project, served
from tests.contract.witness.meant import Meant
from tests.support.cli import Memdeploy
from tests.support.gcloud import Gcloud
from tests.support.rehearsed import Rehearsed

NUMBER, REGION, JOB = "123456789012", "us-central1", "run.googleapis.com/job"
UP = ("up", "--yes", "--provider", "gcp", "--project", "proj-1", "--model-provider", "offline")
PROJECTS = [project("proj-1", int(NUMBER)), project("proj-2", 222222222222), project("proj-3", 333333333333)]


@dataclass(frozen=True)
class Scene:
    cloud: Rehearsed
    gcloud: Gcloud
    memdeploy: Memdeploy
    meant: Meant
    base: str
    described: Mapping[str, Any]
    listed: Mapping[str, list[str]]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("described")
    with served(folder, {"projects": PROJECTS}) as (cloud, gcloud):
        memdeploy = Memdeploy(folder / "user", cloud.environment)
        memdeploy(*UP)
        journal, shared = memdeploy.journal(), memdeploy.shared_journals()[0]
        base = f"{journal['name']}-{journal['suffix']}"
        meant = Meant(journal["steps"], shared["steps"], NUMBER)
        said = gcloud.at_once({name: (*line, "--format=json") for name, line in _lines(base).items()})
        described = {name: one.json for name, one in said.items()}
        listed = gcloud.at_once({name: (*line, "--format", form) for name, (*line, form) in _lists(base).items()})
        names = {name: sorted(one.stdout.split()) for name, one in listed.items()}
        yield Scene(cloud, gcloud, memdeploy, meant, base, described, names)


def _lines(base: str) -> dict[str, tuple[str, ...]]:
    zone, region = ("--zone", f"{REGION}-a"), ("--region", REGION)
    return {
        **{f"secret.{role}": ("secrets", "describe", f"{base}-{short}")
           for role, short in (("model", "key"), ("postgres", "pg"), ("tls", "tls"))},
        "postgres.instance": ("sql", "instances", "describe", f"{base}-sql"),
        "neo4j.vm": ("compute", "instances", "describe", f"{base}-neo", *zone),
        "service": ("run", "services", "describe", f"{base}-api", *region),
        "shared.registry": ("artifacts", "repositories", "describe", f"memdeploy-{REGION}", "--location", REGION),
        "access": ("run", "services", "get-iam-policy", f"{base}-api", *region),
    }  # fmt: skip


def _lists(base: str) -> dict[str, tuple[str, ...]]:
    """The last word is what to print of each item."""
    repository = f"{REGION}-docker.pkg.dev/proj-1/memdeploy-{REGION}"
    region, own = ("--region", REGION), ("--filter", f"name~{base}")
    return {
        "secrets": ("secrets", "list", "value(name)"),
        "databases": ("sql", "databases", "list", "--instance", f"{base}-sql", "value(name)"),
        "users": ("sql", "users", "list", "--instance", f"{base}-sql", "value(name)"),
        "subnets": ("compute", "networks", "subnets", "list", *own, "value(name,ipCidrRange)"),
        "firewalls": ("compute", "firewall-rules", "list", *own, "value(name,allowed[0].ports[0])"),
        "addresses": ("compute", "addresses", "list", *own, "value(name,address)"),
        "disks": ("compute", "disks", "list", *own, "value(name,sizeGb)"),
        "accounts": ("iam", "service-accounts", "list", "value(email)"),
        "services": ("run", "services", "list", *region, "value(metadata.name)"),
        "jobs": ("run", "jobs", "list", *region, "value(metadata.name)"),
        "executions": ("run", "jobs", "executions", "list", *region, f"value(metadata.labels['{JOB}'])"),
        "images": ("artifacts", "docker", "images", "list", repository, "value(version)"),
    }  # fmt: skip


@pytest.mark.parametrize("step", ["secret.model", "secret.postgres", "secret.tls"])
def test_secrets(scene: Scene, step: str) -> None:
    assert intent.secret_told(scene.described[step]) == intent.secret(scene.meant, step)


def test_the_database(scene: Scene) -> None:
    assert intent.instance_told(scene.described["postgres.instance"], scene.meant) == intent.instance(scene.meant)


def test_the_machine(scene: Scene) -> None:
    assert intent.machine_told(scene.described["neo4j.vm"]) == intent.machine(scene.meant, f"{REGION}-a")


def test_the_service(scene: Scene) -> None:
    assert intent.service_told(scene.described["service"]) == intent.service(scene.meant)


def test_the_repository(scene: Scene) -> None:
    assert intent.repository_told(scene.described["shared.registry"]) == intent.repository(scene.meant)


def test_what_it_made_is_listed_and_nothing_else(scene: Scene) -> None:
    meant, base = scene.meant, scene.base
    accounts = [meant.output(f"account.{role}", "email") for role in ("run", "neo4j", "build", "verifier")]
    disk_gb = meant.applied("neo4j.disk")["neo4j.disk_gb"]
    assert scene.listed == {
        "secrets": [f"{base}-{role}" for role in ("key", "neo", "pg", "tls")],
        "databases": sorted([meant.output("postgres.database", "name"), "postgres"]),
        "users": sorted([meant.output("postgres.user", "name"), "postgres"]),
        "subnets": sorted([meant.output("network.subnet", "name"), meant.output("network.subnet", "cidr")]),
        "firewalls": sorted([meant.output("network.firewall", "name"), "7687"]),
        "addresses": sorted([meant.output("neo4j.address", "name"), meant.output("neo4j.address", "address")]),
        "disks": sorted([meant.output("neo4j.disk", "name"), str(disk_gb), meant.output("neo4j.vm", "name"), "10"]),
        "accounts": sorted(accounts),
        "services": [meant.output("service", "name")],
        "jobs": [f"{base}-prep"],
        "executions": [f"{base}-prep"],
        "images": [meant.output("image", "reference").partition("@")[2]],
    }


def test_who_may_call_it(scene: Scene) -> None:
    told = {binding["role"]: binding["members"] for binding in scene.described["access"]["bindings"]}
    assert told == scene.meant.output("access", "members")


@dataclass(frozen=True)
class Taken:
    """`line` makes it, as somebody else would; memdeploy's `step` finds it, in a project of its own."""

    project: str
    line: tuple[str, ...]
    step: str


SHARED = {
    "network": Taken(
        "proj-2", ("compute", "networks", "create", f"memdeploy-{REGION}", "--subnet-mode", "custom"), "shared.network"
    ),
    "repository": Taken(
        "proj-3",
        ("artifacts", "repositories", "create", f"memdeploy-{REGION}", "--repository-format", "docker",
         "--location", REGION, "--labels", "memdeploy=somebody"),
        "shared.registry",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SHARED)
def test_what_somebody_made_under_a_shared_name_is_foreign(scene: Scene, what: str) -> None:
    taken = SHARED[what]
    scene.gcloud(*taken.line, "--project", taken.project)
    line = ("up", "--yes", "--provider", "gcp", "--model-provider", "offline")
    assert _foreign(scene, *line, "--project", taken.project, "--name", f"other-{what}") == taken.step


def test_what_took_the_place_of_a_secret_and_a_service_is_foreign(scene: Scene) -> None:
    """Somebody deletes the deployment's own and makes others under their names."""
    service, region = f"{scene.base}-api", ("--region", REGION)
    scene.gcloud("secrets", "delete", f"{scene.base}-key")
    scene.gcloud("secrets", "create", f"{scene.base}-key", "--replication-policy", "automatic")
    assert _foreign(scene, "up", "--yes") == "secret.model"
    scene.gcloud("secrets", "update", f"{scene.base}-key", "--update-labels", _labels(scene))
    scene.gcloud("run", "services", "delete", service, *region)
    scene.gcloud("run", "deploy", service, *region, "--image", "neo4j:5.26-community", "--no-allow-unauthenticated")
    assert _foreign(scene, "up", "--yes") == "service"


def _labels(scene: Scene) -> str:
    """Of the deployment: now the secret is its own again, as far as anybody can tell."""
    wanted: Mapping[str, str] = scene.meant.applied("secret.model")["labels"]
    return ",".join(f"{name}={text}" for name, text in wanted.items())


def _foreign(scene: Scene, *line: str) -> str:
    """The step that finds it. The run ends with exit 3 and has changed nothing."""
    since, before = scene.cloud.last_request(), scene.cloud.inventory()
    refused = scene.memdeploy(*line, expect=3)
    (error,) = refused.json["errors"]
    assert error["code"] == "foreign", error
    assert [r for r in scene.cloud.requests(since) if r["mutates"]] == []
    assert scene.cloud.inventory() == before
    return str(error["step"])
