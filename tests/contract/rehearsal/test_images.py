"""Artifact Registry, Cloud Build and the registry's view: an image from its build to its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from memdeploy.rehearsal.backing.none import NoBacking
from memdeploy.rehearsal.backing.protocol import BuildSpec, Progress
from tests.contract.rehearsal.embedded import LOCATION, PROJECT, REGION, Embedded, embedded

REPOSITORY = f"{LOCATION}/repositories/memdeploy"
HUB = f"{LOCATION}/repositories/hub"
DOCKER = {"format": "DOCKER"}
REMOTE = {
    "format": "DOCKER",
    "mode": "REMOTE_REPOSITORY",
    "remoteRepositoryConfig": {"dockerRepository": {"publicRepository": "DOCKER_HUB"}},
}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    with embedded(tmp_path / "state") as started:
        yield started


def repositories(cloud: Embedded) -> Any:
    return cloud.api("artifactregistry", "v1").projects().locations().repositories()


def builds(cloud: Embedded) -> Any:
    return cloud.api("cloudbuild", "v1").projects().locations().builds()


def make(cloud: Embedded, id_: str = "memdeploy", body: dict[str, Any] | None = None) -> dict[str, Any]:
    repositories(cloud).create(parent=LOCATION, repositoryId=id_, body=body or DOCKER).execute()
    cloud.clock.advance(20)
    return dict(repositories(cloud).get(name=f"{LOCATION}/repositories/{id_}").execute())


def build(cloud: Embedded, account: str, **changes: Any) -> dict[str, Any]:
    image = f"{cloud.endpoint.removeprefix('http://')}/{REGION}/{PROJECT}/memdeploy/memmachine:0.4.0"
    return {
        "steps": [{"name": "gcr.io/cloud-builders/docker", "args": ["build", "-t", image, "."]}],
        "images": [image],
        "tags": ["memdeploy-abc-1"],
        "serviceAccount": f"projects/{PROJECT}/serviceAccounts/{account}",
        "options": {"logging": "CLOUD_LOGGING_ONLY"},
        **changes,
    }


def builder(cloud: Embedded) -> str:
    """An account that may push."""
    email = cloud.account("bld")
    policy = {"bindings": [{"role": "roles/artifactregistry.writer", "members": [f"serviceAccount:{email}"]}]}
    repositories(cloud).setIamPolicy(resource=REPOSITORY, body={"policy": policy}).execute()
    return email


def run(cloud: Embedded, sent: dict[str, Any], seconds: float = 200) -> dict[str, Any]:
    operation = builds(cloud).create(parent=LOCATION, body=sent).execute()
    id_ = operation["metadata"]["build"]["id"]
    cloud.clock.advance(seconds)
    return dict(builds(cloud).get(name=f"{LOCATION}/builds/{id_}").execute())


def refused(request: Any, code: int, words: str = "") -> None:
    with pytest.raises(HttpError) as caught:
        request.execute()
    assert caught.value.status_code == code
    assert words in str(caught.value)


def test_a_repository_names_the_rehearsal_as_its_registry(cloud: Embedded) -> None:
    made = make(cloud)
    assert made["registryUri"] == f"{cloud.endpoint.removeprefix('http://')}/{REGION}/{PROJECT}/memdeploy"
    assert made["mode"] == "STANDARD_REPOSITORY"
    refused(repositories(cloud).create(parent=LOCATION, repositoryId="memdeploy", body=DOCKER), 409)


@pytest.mark.parametrize(
    ("id_", "body"),
    [
        ("Upper", DOCKER),
        ("ok", {}),
        ("ok", {"format": "DOCKER", "mode": "REMOTE_REPOSITORY"}),
        ("ok", {**REMOTE, "mode": "STANDARD_REPOSITORY"}),
        ("ok", {**DOCKER, "labels": {"a": "has/slash"}}),
    ],
)
def test_repositories_that_are_refused(cloud: Embedded, id_: str, body: dict[str, Any]) -> None:
    refused(repositories(cloud).create(parent=LOCATION, repositoryId=id_, body=body), 400)


def test_a_patch_needs_its_mask_and_leaves_the_rest(cloud: Embedded) -> None:
    make(cloud, body={**DOCKER, "description": "mine"})
    change = {"labels": {"a": "b"}, "description": "theirs"}
    refused(repositories(cloud).patch(name=REPOSITORY, body=change), 400)
    refused(repositories(cloud).patch(name=REPOSITORY, body={"format": "NPM"}, updateMask="format"), 400)
    made = repositories(cloud).patch(name=REPOSITORY, body=change, updateMask="labels").execute()
    assert (made["labels"], made["description"]) == ({"a": "b"}, "mine")


def test_policies_are_written_under_an_etag(cloud: Embedded) -> None:
    make(cloud)
    stale = repositories(cloud).getIamPolicy(resource=REPOSITORY).execute()["etag"]
    builder(cloud)
    refused(repositories(cloud).setIamPolicy(resource=REPOSITORY, body={"policy": {"etag": stale}}), 409)


def test_a_build_becomes_a_package_with_the_digest_that_the_registry_serves(cloud: Embedded) -> None:
    uri = make(cloud)["registryUri"]
    built = run(cloud, build(cloud, builder(cloud)))
    assert built["status"] == "SUCCESS"
    (image,) = built["results"]["images"]
    path = f"/v2/{uri.partition('/')[2]}/memmachine/manifests"
    status, headers, _ = cloud.http("HEAD", f"{path}/0.4.0")
    assert (status, headers["docker-content-digest"]) == (200, image["digest"])
    _, _, manifest = cloud.http("GET", f"{path}/{image['digest']}")
    assert f"sha256:{hashlib.sha256(manifest).hexdigest()}" == image["digest"]
    config = json.loads(manifest)["config"]
    _, _, blob = cloud.http("GET", f"/v2/{uri.partition('/')[2]}/memmachine/blobs/{config['digest']}")
    assert len(blob) == config["size"]
    (package,) = repositories(cloud).packages().list(parent=REPOSITORY).execute()["packages"]
    (tag,) = repositories(cloud).packages().tags().list(parent=package["name"]).execute()["tags"]
    assert tag["version"] == f"{package['name']}/versions/{image['digest']}"


def test_the_inputs_alone_decide_the_digest(cloud: Embedded) -> None:
    make(cloud)
    account = builder(cloud)
    first, again = (run(cloud, build(cloud, account, tags=[tag])) for tag in ("a", "b"))
    step = {"name": "gcr.io/cloud-builders/docker", "args": ["build", "."]}
    other = run(cloud, build(cloud, account, steps=[step]))
    digests = [one["results"]["images"][0]["digest"] for one in (first, again, other)]
    assert digests[0] == digests[1] != digests[2]


def test_a_build_waits_works_and_ends(cloud: Embedded) -> None:
    make(cloud)
    account = builder(cloud)
    assert run(cloud, build(cloud, account), 1)["status"] == "QUEUED"
    assert run(cloud, build(cloud, account), 30)["status"] == "WORKING"
    cloud.clock.advance(200)
    found = builds(cloud).list(parent=LOCATION, filter='tags="memdeploy-abc-1"').execute()["builds"]
    assert [one["status"] for one in found] == ["SUCCESS", "SUCCESS"]
    assert not builds(cloud).list(parent=LOCATION, filter='tags="memdeploy-abc"').execute()
    assert not builds(cloud).list(parent=LOCATION, filter='tags="memdeploy-abc-1" AND status="FAILURE"').execute()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"options": {}}, "CLOUD_LOGGING_ONLY / NONE"),
        ({"steps": []}, "no build steps"),
        ({"steps": [{"name": "a", "args": ["x" * 10_001]}]}, "too long"),
        ({"steps": [{"name": "a", "args": ["x"] * 101}]}, "too many arguments"),
        ({"tags": ["with/slash"]}, "invalid tag"),
        ({"tags": ["t"] * 65}, "too many tags"),
        ({"steps": [{"name": "a", "script": "x", "args": ["y"]}]}, "has a script"),
    ],
)
def test_builds_that_are_refused(cloud: Embedded, changes: dict[str, Any], words: str) -> None:
    make(cloud)
    refused(builds(cloud).create(parent=LOCATION, body=build(cloud, builder(cloud), **changes)), 400, words)


def test_limits_are_inclusive(cloud: Embedded) -> None:
    make(cloud)
    step = {"name": "a", "args": ["x" * 10_000] * 100}
    assert run(cloud, build(cloud, builder(cloud), steps=[step]))["status"] == "SUCCESS"


def test_an_account_that_is_not_there(cloud: Embedded) -> None:
    make(cloud)
    refused(builds(cloud).create(parent=LOCATION, body=build(cloud, f"no@{PROJECT}.iam.gserviceaccount.com")), 403)


def test_an_account_that_may_not_push(cloud: Embedded) -> None:
    make(cloud)
    built = run(cloud, build(cloud, cloud.account("bld")))
    assert (built["status"], built["failureInfo"]["type"]) == ("FAILURE", "PUSH_NOT_AUTHORIZED")
    assert "packages" not in repositories(cloud).packages().list(parent=REPOSITORY).execute()


def test_no_push_without_a_repository(cloud: Embedded) -> None:
    built = run(cloud, build(cloud, cloud.account("bld")))
    assert (built["status"], built["failureInfo"]["type"]) == ("FAILURE", "PUSH_FAILED")
    assert 'Repository "memdeploy" not found' in built["statusDetail"]


def test_a_cancelled_build_pushes_nothing(cloud: Embedded) -> None:
    make(cloud)
    started = run(cloud, build(cloud, builder(cloud)), 20)
    name = f"{LOCATION}/builds/{started['id']}"
    assert builds(cloud).cancel(name=name, body={}).execute()["status"] == "CANCELLED"
    cloud.clock.advance(300)
    assert builds(cloud).get(name=name).execute()["status"] == "CANCELLED"
    refused(builds(cloud).cancel(name=name, body={}), 400)
    assert "packages" not in repositories(cloud).packages().list(parent=REPOSITORY).execute()


def test_the_global_path_has_builds_of_its_own(cloud: Embedded) -> None:
    make(cloud)
    old = cloud.api("cloudbuild", "v1").projects().builds()
    id_ = old.create(projectId=PROJECT, body=build(cloud, builder(cloud))).execute()["metadata"]["build"]["id"]
    cloud.clock.advance(200)
    assert old.get(projectId=PROJECT, id=id_).execute()["status"] == "SUCCESS"
    refused(builds(cloud).get(name=f"{LOCATION}/builds/{id_}"), 404)


@pytest.mark.parametrize("path", ["library/neo4j", "neo4j"])
def test_the_hub_answers_behind_a_remote_repository(cloud: Embedded, path: str) -> None:
    uri = make(cloud, "hub", REMOTE)["registryUri"]
    base = f"/v2/{uri.partition('/')[2]}/{path}/manifests"
    status, headers, _ = cloud.http("HEAD", f"{base}/5.26-community", headers={"Authorization": "Basic eDp5"})
    assert status == 200
    assert cloud.http("HEAD", f"{base}/{headers['docker-content-digest']}")[0] == 200
    assert cloud.http("HEAD", f"{base}/5.99")[0] == 404


def test_nothing_is_there_without_a_repository_and_nothing_is_pushed(cloud: Embedded) -> None:
    path = f"/v2/{REGION}/{PROJECT}/hub/library/neo4j"
    assert cloud.http("GET", "/v2/")[0] == 200
    assert cloud.http("HEAD", f"{path}/manifests/5.26-community")[0] == 404
    assert cloud.http("POST", f"{path}/blobs/uploads/", {})[0] == 405


def test_tagged_versions_are_deleted_only_by_force(cloud: Embedded) -> None:
    make(cloud)
    digest = run(cloud, build(cloud, builder(cloud)))["results"]["images"][0]["digest"]
    versions = repositories(cloud).packages().versions()
    name = f"{REPOSITORY}/packages/memmachine/versions/{digest}"
    refused(versions.delete(name=name), 400)
    versions.delete(name=name, force=True).execute()
    cloud.clock.advance(30)
    refused(versions.get(name=name), 404)
    assert cloud.http("HEAD", f"/v2/{REGION}/{PROJECT}/memdeploy/memmachine/manifests/0.4.0")[0] == 404


def test_a_repository_goes_with_its_packages(cloud: Embedded) -> None:
    make(cloud)
    run(cloud, build(cloud, builder(cloud)))
    repositories(cloud).delete(name=REPOSITORY).execute()
    cloud.clock.advance(30)
    refused(repositories(cloud).get(name=REPOSITORY), 404)
    with cloud.store.transaction():
        assert cloud.store.below("artifactregistry", "") == []


class Engine(NoBacking):
    """A backing that builds: its builds end when, and as, the test says."""

    name = "containers"

    def __init__(self) -> None:
        self.specs: list[BuildSpec] = []
        self.hub: list[tuple[str, tuple[str, ...]]] = []
        self.progress = Progress(done=False)
        self.registries_removed = 0

    def registry_remove(self) -> None:
        self.registries_removed += 1

    def build_start(self, spec: BuildSpec) -> None:
        self.specs.append(spec)

    def build_state(self, key: str) -> Progress:
        return self.progress

    def hub_ensure(self, prefix: str, images: Any) -> Progress:
        self.hub.append((prefix, tuple(images)))
        return self.progress


def test_the_registry_goes_with_the_last_repository(tmp_path: Path) -> None:
    engine = Engine()
    with embedded(tmp_path / "state", backing=engine) as cloud:
        gone = []
        for id_ in ("memdeploy", "other"):
            make(cloud, id_)
        for id_ in ("other", "memdeploy"):
            repositories(cloud).delete(name=f"{LOCATION}/repositories/{id_}").execute()
            cloud.clock.advance(30)
            refused(repositories(cloud).get(name=f"{LOCATION}/repositories/{id_}"), 404)
            gone.append(engine.registries_removed)
        assert gone == [0, 1]


def test_an_engine_builds_and_its_digest_counts(tmp_path: Path) -> None:
    engine = Engine()
    with embedded(tmp_path / "state", backing=engine) as cloud:
        make(cloud)
        sent = build(cloud, builder(cloud))
        cloud.clock.advance(100)
        started = run(cloud, sent, 30)
        assert started["status"] == "WORKING"
        digest = "sha256:" + "ab" * 32
        engine.progress = Progress(done=True, result={sent["images"][0]: digest})
        cloud.clock.advance(1)
        built = builds(cloud).get(name=f"{LOCATION}/builds/{started['id']}").execute()
        assert (built["status"], built["results"]["images"][0]["digest"]) == ("SUCCESS", digest)
        assert {spec.key for spec in engine.specs} == {f"{LOCATION}/builds/{started['id']}"}
        engine.progress = Progress(done=True, error="step 0 failed")
        broken = run(cloud, sent, 1)
        assert (broken["status"], broken["failureInfo"]["type"]) == ("FAILURE", "USER_BUILD_STEP")


def test_a_remote_repository_is_ready_when_its_images_are(tmp_path: Path) -> None:
    engine = Engine()
    with embedded(tmp_path / "state", backing=engine) as cloud:
        api = repositories(cloud)
        operation = api.create(parent=LOCATION, repositoryId="hub", body=REMOTE).execute()
        cloud.clock.advance(60)
        operations = cloud.api("artifactregistry", "v1").projects().locations().operations()
        assert "done" not in operations.get(name=operation["name"]).execute()
        engine.progress = Progress(done=True)
        cloud.clock.advance(1)
        ended = operations.get(name=operation["name"]).execute()
        assert ended["response"]["name"] == HUB
        assert engine.hub[0] == (ended["response"]["registryUri"], ("neo4j:5.26-community",))


def test_gcr_io_is_a_repository_of_that_name(cloud: Embedded) -> None:
    """https://cloud.google.com/artifact-registry/docs/transition/gcr-repositories: nothing makes it at a push."""
    make(cloud)
    image = f"gcr.io/{PROJECT}/memmachine:v1"
    email = builder(cloud)
    assert run(cloud, build(cloud, email, images=[image]))["status"] == "FAILURE"
    parent = f"projects/{PROJECT}/locations/us"
    refused(repositories(cloud).create(parent=LOCATION, repositoryId="gcr.io", body=DOCKER), 400, "repository ID")
    repositories(cloud).create(parent=parent, repositoryId="gcr.io", body=DOCKER).execute()
    cloud.clock.advance(20)
    name = f"{parent}/repositories/gcr.io"
    binding = {"role": "roles/artifactregistry.writer", "members": [f"serviceAccount:{email}"]}
    repositories(cloud).setIamPolicy(resource=name, body={"policy": {"bindings": [binding]}}).execute()
    cloud.clock.advance(200)
    assert run(cloud, build(cloud, email, images=[image]))["status"] == "SUCCESS"
    (found,) = repositories(cloud).dockerImages().list(parent=name).execute()["dockerImages"]
    assert found["tags"] == ["v1"]
    assert repositories(cloud).dockerImages().get(name=found["name"]).execute() == found


def test_an_older_version_of_the_api_has_the_same_repositories(cloud: Embedded) -> None:
    """gcloud's `artifacts repositories list` asks v1beta2 where to look."""
    made = make(cloud)
    older = cloud.api("artifactregistry", "v1beta2").projects().locations()
    names = [place["locationId"] for place in older.list(name=f"projects/{PROJECT}").execute()["locations"]]
    assert {"us", REGION} <= set(names)
    assert older.repositories().get(name=made["name"]).execute()["name"] == made["name"]


def test_a_project_says_that_its_gcr_io_is_here(cloud: Embedded) -> None:
    settings = (
        cloud.api("artifactregistry", "v1").projects().getProjectSettings(name=f"projects/{PROJECT}/projectSettings")
    )
    assert settings.execute()["legacyRedirectionState"] == "REDIRECTION_FROM_GCR_IO_ENABLED"
