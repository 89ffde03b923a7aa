"""Cloud Run's v1 (Knative) API over the same state as v2, as gcloud asks for it: the region is in the host's name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import run_v2

from tests.contract.rehearsal.embedded import NUMBER, PROJECT, REGION, Embedded, embedded
from tests.contract.rehearsal.test_run_services import NAME, created, image_of, prepare

SERVICES = f"/apis/serving.knative.dev/v1/namespaces/{PROJECT}/services"
REVISIONS = f"/apis/serving.knative.dev/v1/namespaces/{PROJECT}/revisions"
JOBS = f"/apis/run.googleapis.com/v1/namespaces/{PROJECT}/jobs"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    with embedded(tmp_path / "state") as started:
        prepare(started)
        yield started


def ask(
    cloud: Embedded, verb: str, path: str, body: Any = None, *, region: str = REGION, expect: int = 200
) -> dict[str, Any]:
    status, _, text = cloud.http(verb, path, body, {"Host": f"{region}-run.googleapis.com"})
    answer: dict[str, Any] = json.loads(text)
    assert status == expect, answer
    return answer


def knative(cloud: Embedded, name: str = "mem", **annotations: str) -> dict[str, Any]:
    container = {
        "image": image_of(cloud),
        "ports": [{"containerPort": 8080}],
        "env": [{"name": "PW", "valueFrom": {"secretKeyRef": {"name": "pg", "key": "1"}}}],
    }
    spec = {"containers": [container], "serviceAccountName": f"run@{PROJECT}.iam.gserviceaccount.com"}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": PROJECT},
        "spec": {"template": {"metadata": {"annotations": annotations}, "spec": spec}},
        "status": {"address": {}},
    }


def ready(service: dict[str, Any]) -> str:
    return next(str(one["status"]) for one in service["status"]["conditions"] if one["type"] == "Ready")


def test_a_service_is_made_and_becomes_ready(cloud: Embedded) -> None:
    made = ask(cloud, "POST", SERVICES, knative(cloud))
    assert (ready(made), made["metadata"]["namespace"]) == ("Unknown", NUMBER)
    cloud.clock.advance(60)
    after = ask(cloud, "GET", f"{SERVICES}/mem")
    assert ready(after) == "True"
    assert after["status"]["observedGeneration"] == after["metadata"]["generation"] == 1
    assert after["status"]["url"].endswith("/mem")
    in_v2 = cloud.services().get_service(name=NAME)
    assert in_v2.template.containers[0].env[0].value_source.secret_key_ref.secret == "pg"
    revision = after["status"]["latestReadyRevisionName"]
    assert in_v2.latest_ready_revision.endswith(f"/{revision}")


def test_what_v2_made_is_described(cloud: Embedded) -> None:
    made = created(cloud)
    shown = ask(cloud, "GET", f"{SERVICES}/mem")
    (container,) = shown["spec"]["template"]["spec"]["containers"]
    assert container["image"] == made.template.containers[0].image
    assert container["resources"]["limits"] == dict(made.template.containers[0].resources.limits)
    assert shown["spec"]["template"]["metadata"]["annotations"]["run.googleapis.com/cpu-throttling"] == "false"
    assert shown["metadata"]["labels"]["memdeploy"] == "abc"
    assert shown["metadata"]["resourceVersion"] == made.etag


def test_a_service_is_in_its_region_only(cloud: Embedded) -> None:
    created(cloud)
    for region, count in ((REGION, 1), ("europe-west1", 0)):
        items = ask(cloud, "GET", SERVICES, region=region).get("items", [])
        assert len(items) == count
    ask(cloud, "GET", f"{SERVICES}/mem", region="europe-west1", expect=404)
    everywhere = ask(cloud, "GET", f"/v1/projects/{PROJECT}/locations/-/services")
    assert [item["metadata"]["labels"]["cloud.googleapis.com/location"] for item in everywhere["items"]] == [REGION]


def test_without_a_region_there_are_lists_alone(cloud: Embedded) -> None:
    created(cloud)
    path = f"/run{SERVICES}"
    assert len(json.loads(cloud.http("GET", path)[2])["items"]) == 1
    assert cloud.http("POST", path, knative(cloud, "other"))[0] == 400
    assert cloud.http("GET", f"{path}/mem")[0] == 404


def test_a_replacement_makes_a_revision_and_an_old_version_is_refused(cloud: Embedded) -> None:
    created(cloud)
    shown = ask(cloud, "GET", f"{SERVICES}/mem")
    shown["spec"]["template"]["spec"]["containers"][0]["args"] = ["new"]
    ask(cloud, "PUT", f"{SERVICES}/mem", shown)
    cloud.clock.advance(60)
    assert cloud.services().get_service(name=NAME).template.containers[0].args == ["new"]
    revisions = ask(cloud, "GET", f"{REVISIONS}?labelSelector=serving.knative.dev/service=mem")["items"]
    assert [r["metadata"]["generation"] for r in revisions] == [1, 1]
    active = {r["metadata"]["name"]: c["status"] for r in revisions for c in r["status"]["conditions"][-1:]}
    now = ask(cloud, "GET", f"{SERVICES}/mem")["status"]["latestReadyRevisionName"]
    assert {name for name, status in active.items() if status == "True"} == {now}
    answer = ask(cloud, "PUT", f"{SERVICES}/mem", shown, expect=409)
    assert answer["error"]["status"] == "ABORTED"


def test_a_failed_service_tells_why_and_can_be_deleted(cloud: Embedded) -> None:
    broken = knative(cloud)
    broken["spec"]["template"]["spec"]["containers"][0]["image"] = image_of(cloud)[:-4] + "0000"
    ask(cloud, "POST", SERVICES, broken)
    cloud.clock.advance(60)
    left = ask(cloud, "GET", f"{SERVICES}/mem")
    condition = left["status"]["conditions"][0]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Ready", "False", "ContainerMissing")
    assert ask(cloud, "DELETE", f"{SERVICES}/mem") == {"status": "Success"}
    going = ask(cloud, "GET", f"{SERVICES}/mem")
    # No verdict of the old generation may pass for one on the deletion.
    assert going["status"]["observedGeneration"] < going["metadata"]["generation"]
    cloud.clock.advance(60)
    ask(cloud, "GET", f"{SERVICES}/mem", expect=404)


def test_a_dry_run_keeps_nothing(cloud: Embedded) -> None:
    assert ask(cloud, "POST", f"{SERVICES}?dryRun=all", knative(cloud))["metadata"]["name"] == "mem"
    ask(cloud, "GET", f"{SERVICES}/mem", expect=404)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("image", "ghcr.io/a/b", r"spec.template.spec.containers[0].image: Expected an image path like"),
        ("image", "gcr.io/p/x@sha256:YOUR-DIGEST-HERE", "spec.template.spec.containers[0].image: Expected an image"),
        ("resources", {"limits": {"cpu": "3"}}, "spec.template.spec.containers[0].resources.limits.cpu: Must be"),
        ("env", [{"name": "PORT", "value": "1"}], "spec.template.spec.containers[0].env: The following reserved env"),
    ],
)
def test_refusals_name_the_fields_of_v1(cloud: Embedded, path: str, value: Any, words: str) -> None:
    wanted = knative(cloud)
    wanted["spec"]["template"]["spec"]["containers"][0][path] = value
    error = ask(cloud, "POST", SERVICES, wanted, expect=400)["error"]
    assert (error["status"], error["message"][: len(words)]) == ("INVALID_ARGUMENT", words)


def test_an_annotation_of_the_other_kind_is_refused(cloud: Embedded) -> None:
    """GoogleCloudPlatform/magic-modules#4068: the answer's form."""
    wanted = knative(cloud, **{"run.googleapis.com/minScale": "1"})
    error = ask(cloud, "POST", SERVICES, wanted, expect=400)["error"]
    assert error["message"] == "The request has errors"
    assert error["details"][0]["fieldViolations"] == [
        {
            "field": "spec.template.metadata.annotations",
            "description": "'run.googleapis.com/minScale' is not a supported annotation.",
        }
    ]


def test_anybody_may_ask_what_he_may_do_to_a_service_that_is_not_there(cloud: Embedded) -> None:
    """Discovery document: no permissions are required for the call. gcloud asks before it creates."""
    path = f"/v1/projects/{PROJECT}/locations/{REGION}/services/nobody:testIamPermissions"
    wanted = ["run.services.setIamPolicy"]
    assert ask(cloud, "POST", path, {"permissions": wanted}) == {"permissions": wanted}


def test_configurations_and_routes_stand_beside_a_service(cloud: Embedded) -> None:
    created(cloud)
    for kind in ("configurations", "routes"):
        path = f"/apis/serving.knative.dev/v1/namespaces/{PROJECT}/{kind}"
        (item,) = ask(cloud, "GET", path)["items"]
        assert item == ask(cloud, "GET", f"{path}/mem")
        assert (item["kind"].lower() + "s", ready(item)) == (kind, "True")


def test_a_job_is_made_run_and_deleted(cloud: Embedded) -> None:
    task = {"spec": {"containers": [{"image": image_of(cloud)}], "maxRetries": 0}}
    job = {"metadata": {"name": "j"}, "spec": {"template": {"spec": {"taskCount": 1, "template": task}}}}
    ask(cloud, "POST", JOBS, job)
    cloud.clock.advance(20)
    override = {"overrides": {"containerOverrides": [{"args": ["once"]}], "timeoutSeconds": 60}}
    started = ask(cloud, "POST", f"{JOBS}/j:run", override)
    cloud.clock.advance(60)
    executions = JOBS.replace("/jobs", "/executions")
    (execution,) = ask(cloud, "GET", f"{executions}?labelSelector=run.googleapis.com/job=j")["items"]
    assert execution["metadata"]["name"] == started["metadata"]["name"]
    assert execution["status"]["succeededCount"] == 1
    assert execution["spec"]["template"]["spec"]["containers"][0]["args"] == ["once"]
    assert execution["spec"]["template"]["spec"]["timeoutSeconds"] == "60"
    selector = f"run.googleapis.com/execution={started['metadata']['name']}"
    (done,) = ask(cloud, "GET", f"{JOBS.replace('/jobs', '/tasks')}?labelSelector={selector}")["items"]
    assert done["metadata"]["labels"]["run.googleapis.com/runningState"] == "Succeeded"
    shown = ask(cloud, "GET", f"{JOBS}/j")
    assert shown["status"]["latestCreatedExecution"]["completionStatus"] == "EXECUTION_SUCCEEDED"
    ask(cloud, "DELETE", f"{JOBS}/j")
    cloud.clock.advance(60)
    assert "items" not in ask(cloud, "GET", JOBS)


def test_lists_come_in_pages(cloud: Embedded) -> None:
    for name in ("a", "b", "c"):
        ask(cloud, "POST", SERVICES, knative(cloud, name))
    first = ask(cloud, "GET", f"{SERVICES}?limit=2")
    rest = ask(cloud, "GET", f"{SERVICES}?limit=2&continue={first['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["metadata"] == {}


@pytest.mark.parametrize("image", ["{region}-docker.pkg.dev/{project}/repo/memmachine", "neo4j", "docker.io/neo4j"])
def test_images_are_found_by_googles_own_addresses_and_on_the_hub(cloud: Embedded, image: str) -> None:
    tag = "5.26-community" if "neo4j" in image else "0.4.0-abc"
    wanted = knative(cloud)
    named = f"{image.format(region=REGION, project=PROJECT)}:{tag}"
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = named
    ask(cloud, "POST", SERVICES, wanted)
    cloud.clock.advance(60)
    terminal = cloud.services().get_service(name=NAME).terminal_condition
    assert terminal.state == run_v2.Condition.State.CONDITION_SUCCEEDED, terminal.message


@pytest.mark.parametrize(
    ("change", "field"),
    [({"env": [{"value": "x"}]}, "spec.template.spec.containers[0].env[0].name"),
     ({"image": ""}, "spec.template.spec.containers[0].image")],
)  # fmt: skip
def test_what_is_required_in_v2_is_in_v1(cloud: Embedded, change: dict[str, Any], field: str) -> None:
    wanted = knative(cloud)
    wanted["spec"]["template"]["spec"]["containers"][0] |= change
    error = ask(cloud, "POST", SERVICES, wanted, expect=400)["error"]
    assert error["message"] == f"{field}: required field not present."
