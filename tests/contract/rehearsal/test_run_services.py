"""Cloud Run services' rules, one by one, with the real client over REST."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import run_v2
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import field_mask_pb2
from google.protobuf.duration_pb2 import Duration

from memdeploy.rehearsal import images, planted
from memdeploy.rehearsal.manifests import manifest
from memdeploy.rehearsal.rules import holds
from tests.contract.rehearsal.embedded import LOCATION, NETWORK, NUMBER, PROJECT, REGION, SUBNET, Embedded, embedded
from tests.contract.rehearsal.worlds import rehearsed

NAME = f"{LOCATION}/services/mem"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    with embedded(tmp_path / "state") as started:
        prepare(started)
        yield started


def prepare(cloud: Embedded) -> None:
    """A network, an account that may read a secret, an image."""
    cloud.network()
    email = cloud.account("run")
    repository = f"{LOCATION}/repositories/repo"
    cloud.put("artifactregistry", "Repository", repository, {"name": repository, "mode": "STANDARD_REPOSITORY"})
    with cloud.store.transaction():
        image = images.Image(REGION, PROJECT, "repo", "memmachine", tag="0.4.0-abc")
        images.record(cloud.app.cloud, image, manifest("x").digest, manifest("x"))
    secret = f"projects/{PROJECT}/secrets/pg"
    cloud.put("secretmanager", "Secret", secret, {"name": secret}, versions=1)
    cloud.put("secretmanager", "SecretVersion", f"{secret}/versions/1", {"name": secret, "state": "ENABLED"})
    policy = {"bindings": [{"role": "roles/secretmanager.secretAccessor", "members": [f"serviceAccount:{email}"]}]}
    path = f"/secretmanager/v1/{secret}:setIamPolicy"
    assert cloud.http("POST", path, {"policy": policy})[0] == 200
    cloud.clock.advance(100)


def image_of(cloud: Embedded) -> str:
    host = cloud.endpoint.removeprefix("http://")
    return f"{host}/{REGION}/{PROJECT}/repo/memmachine@{manifest('x').digest}"


def container(cloud: Embedded, **changes: Any) -> run_v2.Container:
    reference = run_v2.SecretKeySelector(secret="pg", version="1")
    fields: dict[str, Any] = {
        "image": image_of(cloud),
        "ports": [run_v2.ContainerPort(container_port=8080)],
        "resources": run_v2.ResourceRequirements(limits={"cpu": "2", "memory": "2Gi"}, cpu_idle=False),
        "env": [
            run_v2.EnvVar(name="POSTGRES_HOST", value="10.70.0.3"),
            run_v2.EnvVar(name="PW", value_source=run_v2.EnvVarSource(secret_key_ref=reference)),
        ],
        "startup_probe": run_v2.Probe(
            period_seconds=10, timeout_seconds=5, failure_threshold=24, http_get=run_v2.HTTPGetAction(path="/health")
        ),
    }
    return run_v2.Container(**{**fields, **changes})


def service(cloud: Embedded, *containers: run_v2.Container, **template: Any) -> run_v2.Service:
    interface = run_v2.VpcAccess.NetworkInterface(network=NETWORK, subnetwork=SUBNET)
    fields: dict[str, Any] = {
        "service_account": f"run@{PROJECT}.iam.gserviceaccount.com",
        "containers": list(containers) or [container(cloud)],
        "vpc_access": run_v2.VpcAccess(network_interfaces=[interface]),
        "timeout": Duration(seconds=300),
        "scaling": run_v2.RevisionScaling(min_instance_count=0, max_instance_count=4),
    }
    return run_v2.Service(template=run_v2.RevisionTemplate(**{**fields, **template}), labels={"memdeploy": "abc"})


def create(cloud: Embedded, wanted: run_v2.Service | None = None, *, wait: float = 60) -> Any:
    client = cloud.services()
    operation = client.create_service(parent=LOCATION, service=wanted or service(cloud), service_id="mem")
    cloud.clock.advance(wait)
    return client.get_operation({"name": operation.operation.name})


def created(cloud: Embedded) -> run_v2.Service:
    operation = create(cloud)
    assert operation.done
    assert not operation.error.message
    return cloud.services().get_service(name=NAME)


def test_a_service_becomes_ready(cloud: Embedded) -> None:
    assert not create(cloud, wait=5).done
    waiting = cloud.services().get_service(name=NAME)
    assert waiting.reconciling
    assert waiting.terminal_condition.state == run_v2.Condition.State.CONDITION_RECONCILING
    cloud.clock.advance(60)
    made = cloud.services().get_service(name=NAME)
    assert made.terminal_condition.state == run_v2.Condition.State.CONDITION_SUCCEEDED
    assert made.uri == f"{cloud.endpoint}/_service/{PROJECT}/{REGION}/mem"
    assert (made.generation, made.observed_generation, made.reconciling) == (1, 1, False)
    assert made.latest_ready_revision == made.latest_created_revision
    assert cloud.revisions().get_revision(name=made.latest_ready_revision).service == NAME


def test_a_revision_that_is_not_to_be_checked_is_not_started(cloud: Embedded) -> None:
    """And at zero instances nothing is asked of it: a service that has an address and runs nothing."""
    with cloud.store.transaction():
        planted.plant(cloud.store, [{"name": "mem", "lines": ["no"], "starts": False}])
    assert create(cloud).error.message
    cloud.services().delete_service(name=NAME)
    cloud.clock.advance(60)

    front = service(cloud, health_check_disabled=True)
    mode = run_v2.ServiceScaling.ScalingMode.MANUAL
    front.scaling = run_v2.ServiceScaling(scaling_mode=mode, manual_instance_count=0)
    assert not create(cloud, front).error.message
    made = cloud.services().get_service(name=NAME)
    assert made.terminal_condition.state == run_v2.Condition.State.CONDITION_SUCCEEDED
    allow = {"policy": {"bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]}]}}
    assert cloud.http("POST", f"/run/v2/{NAME}:setIamPolicy", allow)[0] == 200
    cloud.clock.advance(100)
    assert cloud.http("GET", made.uri.removeprefix(cloud.endpoint) + "/api/v2/health")[0] == 503


def test_a_service_that_is_not_there(cloud: Embedded) -> None:
    with pytest.raises(exceptions.NotFound, match="of kind 'SERVICE'"):
        cloud.services().get_service(name=NAME)


def test_a_name_is_taken(cloud: Embedded) -> None:
    created(cloud)
    with pytest.raises(exceptions.Conflict, match="'mem' already exists"):
        create(cloud)


def test_validate_only_keeps_nothing(cloud: Embedded) -> None:
    client = cloud.services()
    request = run_v2.CreateServiceRequest(parent=LOCATION, service=service(cloud), service_id="mem", validate_only=True)
    assert client.create_service(request=request).operation.done
    with pytest.raises(exceptions.NotFound):
        client.get_service(name=NAME)


def probe(**fields: int) -> run_v2.Probe:
    return run_v2.Probe(http_get=run_v2.HTTPGetAction(path="/"), **fields)


def limits(cpu: str, memory: str) -> run_v2.ResourceRequirements:
    return run_v2.ResourceRequirements(limits={"cpu": cpu, "memory": memory}, cpu_idle=False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"startup_probe": probe(failure_threshold=25, period_seconds=10)}, "at most 240 seconds"),
        ({"startup_probe": probe(initial_delay_seconds=241)}, "initial_delay_seconds"),
        ({"startup_probe": probe(period_seconds=5, timeout_seconds=6)}, "timeout_seconds"),
        ({"resources": limits("1", "5Gi")}, "requires at least 2 CPU"),
        ({"resources": limits("4", "1Gi")}, "4 CPU requires at least 2048Mi"),
        ({"resources": limits("3", "2Gi")}, "Must be equal to one of"),
        ({"resources": limits("0.5", "512Mi")}, "CPU is always allocated"),
        ({"env": [run_v2.EnvVar(name="PORT", value="1")]}, "reserved env names"),
        ({"env": [run_v2.EnvVar(name="A", value="1"), run_v2.EnvVar(name="A", value="2")]}, "unique"),
        ({"image": "ghcr.io/a/b:c"}, "Expected an image path"),
    ],
)
def test_containers_that_are_refused(cloud: Embedded, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(exceptions.BadRequest, match=words):
        create(cloud, service(cloud, container(cloud, **changes)))


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"scaling": run_v2.RevisionScaling(min_instance_count=3, max_instance_count=2)}, "min_instance_count"),
        ({"timeout": Duration(seconds=3601)}, "between 1s and 3600s"),
        ({"max_instance_request_concurrency": 1001}, "between 1 and 1000"),
    ],
)
def test_templates_that_are_refused(cloud: Embedded, template: dict[str, Any], words: str) -> None:
    with pytest.raises(exceptions.BadRequest, match=words):
        create(cloud, service(cloud, **template))


@pytest.mark.parametrize("name", ["Mem", "1mem", "mem-", "m_m", "m" * 50])
def test_names_that_are_refused(cloud: Embedded, name: str) -> None:
    """CreateServiceRequest.service_id: fewer than 50 characters, from a letter to no hyphen."""
    with pytest.raises(exceptions.BadRequest, match=r"name: must be a DNS label of at most 49 characters"):
        cloud.services().create_service(parent=LOCATION, service=service(cloud), service_id=name)


def test_labels_that_are_refused(cloud: Embedded) -> None:
    wanted = service(cloud)
    wanted.labels = {"memdeploy": "a/b"}
    with pytest.raises(exceptions.BadRequest, match=r"service\.labels: Invalid label value: a/b"):
        create(cloud, wanted)


def test_containers_start_after_those_they_depend_on(cloud: Embedded) -> None:
    first = container(cloud, name="main", depends_on=["side"])
    side = container(cloud, name="side", ports=[])
    assert create(cloud, service(cloud, first, side)).done
    for wrong, words in (
        (container(cloud, name="main", depends_on=["nobody"]), "names no container"),
        (container(cloud, name="main", depends_on=["main"]), "cycle"),
    ):
        with pytest.raises(exceptions.BadRequest, match=words):
            cloud.services().create_service(parent=LOCATION, service=service(cloud, wrong, side), service_id="other")


def test_an_account_that_is_not_there(cloud: Embedded) -> None:
    email = f"nobody@{PROJECT}.iam.gserviceaccount.com"
    with pytest.raises(exceptions.Forbidden, match="actAs"):
        create(cloud, service(cloud, service_account=email))


def failed(cloud: Embedded, wanted: run_v2.Service) -> tuple[str, run_v2.Service]:
    """The operation's error, and the service that stays behind."""
    operation = create(cloud, wanted)
    assert operation.done
    assert operation.error.code == 9
    left = cloud.services().get_service(name=NAME)
    assert left.terminal_condition.state == run_v2.Condition.State.CONDITION_FAILED
    assert left.terminal_condition.message == operation.error.message
    assert not left.latest_ready_revision
    return operation.error.message, left


def test_an_image_that_is_not_there_leaves_a_failed_service(cloud: Embedded) -> None:
    text, left = failed(cloud, service(cloud, container(cloud, image=image_of(cloud)[:-4] + "0000")))
    assert "not found" in text
    assert left.terminal_condition.reason == run_v2.Condition.CommonReason.CONTAINER_MISSING


def test_a_secret_that_the_account_may_not_read(cloud: Embedded) -> None:
    other = cloud.account("other")
    text, left = failed(cloud, service(cloud, service_account=other))
    assert f"Permission denied on secret: projects/{NUMBER}/secrets/pg/versions/1" in text
    assert left.terminal_condition.reason == run_v2.Condition.CommonReason.SECRETS_ACCESS_CHECK_FAILED


def test_a_grant_counts_only_after_a_while_and_a_retry_then_succeeds(cloud: Embedded) -> None:
    other = cloud.account("other")
    bindings = [{"role": "roles/secretmanager.secretAccessor", "members": [f"serviceAccount:{other}"]}]
    path = f"/secretmanager/v1/projects/{PROJECT}/secrets/pg:setIamPolicy"
    assert cloud.http("POST", path, {"policy": {"bindings": bindings}})[0] == 200
    failed(cloud, service(cloud, service_account=other))
    cloud.clock.advance(100)
    wanted = service(cloud, service_account=other)
    wanted.name = NAME
    wanted.template.labels = {"try": "2"}
    cloud.services().update_service(service=wanted)
    cloud.clock.advance(60)
    made = cloud.services().get_service(name=NAME)
    assert made.terminal_condition.state == run_v2.Condition.State.CONDITION_SUCCEEDED


def test_a_version_that_is_not_there(cloud: Embedded) -> None:
    reference = run_v2.SecretKeySelector(secret="pg", version="2")
    env = [run_v2.EnvVar(name="PW", value_source=run_v2.EnvVarSource(secret_key_ref=reference))]
    text, _ = failed(cloud, service(cloud, container(cloud, env=env)))
    assert "versions/2 was not found" in text


def test_a_subnet_that_is_not_there(cloud: Embedded) -> None:
    interface = run_v2.VpcAccess.NetworkInterface(network=NETWORK, subnetwork=f"{SUBNET}-2")
    _, left = failed(cloud, service(cloud, vpc_access=run_v2.VpcAccess(network_interfaces=[interface])))
    assert left.terminal_condition.reason == run_v2.Condition.CommonReason.VPC_NETWORK_NOT_FOUND


def test_a_mask_changes_what_it_names_and_a_template_makes_a_revision(cloud: Embedded) -> None:
    before = created(cloud)
    wanted = run_v2.Service(name=NAME, description="x", etag=before.etag)
    wanted.template.scaling.max_instance_count = 7
    mask = field_mask_pb2.FieldMask(paths=["description"])
    cloud.services().update_service(service=wanted, update_mask=mask)
    cloud.clock.advance(60)
    same = cloud.services().get_service(name=NAME)
    assert (same.description, same.template.scaling.max_instance_count, same.generation) == ("x", 4, 2)
    assert same.latest_ready_revision == before.latest_ready_revision
    assert same.labels == {"memdeploy": "abc"}
    wanted.etag = same.etag
    mask = field_mask_pb2.FieldMask(paths=["template.scaling.max_instance_count"])
    cloud.services().update_service(service=wanted, update_mask=mask)
    cloud.clock.advance(60)
    now = cloud.services().get_service(name=NAME)
    assert now.template.scaling.max_instance_count == 7
    assert now.template.containers == before.template.containers
    assert now.latest_ready_revision != before.latest_ready_revision
    assert len(list(cloud.revisions().list_revisions(parent=NAME))) == 2


def test_a_stale_etag_changes_nothing(cloud: Embedded) -> None:
    old = created(cloud)
    fresh = run_v2.Service(old, description="mine")
    cloud.services().update_service(service=fresh)
    cloud.clock.advance(60)
    with pytest.raises(exceptions.Conflict, match="version"):
        cloud.services().update_service(service=run_v2.Service(old, description="theirs"))
    assert cloud.services().get_service(name=NAME).description == "mine"


def test_the_old_revision_serves_on_when_a_new_one_fails(cloud: Embedded) -> None:
    before = created(cloud)
    broken = service(cloud, container(cloud, image=image_of(cloud)[:-4] + "0000"))
    broken.name = NAME
    cloud.services().update_service(service=broken)
    cloud.clock.advance(60)
    left = cloud.services().get_service(name=NAME)
    assert left.terminal_condition.state == run_v2.Condition.State.CONDITION_FAILED
    assert left.latest_ready_revision == before.latest_ready_revision
    assert left.latest_created_revision != before.latest_created_revision


def test_policies_are_written_under_an_etag(cloud: Embedded) -> None:
    created(cloud)
    client = cloud.services()
    empty = client.get_iam_policy(iam_policy_pb2.GetIamPolicyRequest(resource=NAME))
    binding = policy_pb2.Binding(role="roles/run.invoker", members=["allUsers"])
    policy = policy_pb2.Policy(bindings=[binding], etag=empty.etag)
    client.set_iam_policy(iam_policy_pb2.SetIamPolicyRequest(resource=NAME, policy=policy))
    with pytest.raises(exceptions.Conflict):
        client.set_iam_policy(iam_policy_pb2.SetIamPolicyRequest(resource=NAME, policy=policy))
    assert client.get_iam_policy(iam_policy_pb2.GetIamPolicyRequest(resource=NAME)).bindings == [binding]


def test_a_deleted_service_keeps_its_subnet_busy_for_a_while(cloud: Embedded) -> None:
    created(cloud)
    with cloud.store.transaction():
        assert holds.user_of_subnet(cloud.app.cloud, SUBNET) == NAME
    cloud.services().delete_service(name=NAME)
    cloud.clock.advance(60)
    with pytest.raises(exceptions.NotFound):
        cloud.services().get_service(name=NAME)
    with cloud.store.transaction():
        assert holds.user_of_subnet(cloud.app.cloud, SUBNET) == NAME
        cloud.clock.advance(2 * 3600)
        assert holds.user_of_subnet(cloud.app.cloud, SUBNET) is None


def test_services_are_listed_in_one_location_or_all(cloud: Embedded) -> None:
    created(cloud)
    for location, count in ((LOCATION, 1), (f"projects/{PROJECT}/locations/-", 1), (f"{LOCATION}2", 0)):
        assert len(list(cloud.services().list_services(parent=location))) == count


@pytest.mark.parametrize(
    "ingress", ["internal", ["internal"], {"allowed": ["internal"]}, {"allowed": ["is:internal"]}, {"denied": ["all"]}]
)
def test_organization_policies(tmp_path: Path, ingress: Any) -> None:
    policies = {"run.allowedIngress": ingress, "iam.allowedPolicyMemberDomains": ["C0"]}
    with embedded(tmp_path / "other", policies=policies) as cloud:
        prepare(cloud)
        with pytest.raises(exceptions.BadRequest, match=r"run\.allowedIngress"):
            create(cloud)
        inner = service(cloud)
        inner.ingress = run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY
        assert create(cloud, inner).done
        policy = policy_pb2.Policy(bindings=[policy_pb2.Binding(role="roles/run.invoker", members=["allUsers"])])
        with pytest.raises(exceptions.BadRequest, match="permitted customer"):
            cloud.services().set_iam_policy(iam_policy_pb2.SetIamPolicyRequest(resource=NAME, policy=policy))


def test_what_is_required_is_looked_at_after_the_permission_and_what_is_output_is_dropped(tmp_path: Path) -> None:
    """https://google.aip.dev/211, https://google.aip.dev/203"""
    denied = {"id": "proj-2", "enabled": ["run.googleapis.com"], "deny": ["run.services.create"]}
    with rehearsed(tmp_path / "denied", {"projects": [denied]}) as cloud:
        path = f"/run/v2/projects/proj-2/locations/{REGION}/services?serviceId=mem"
        assert cloud.http("POST", path, {"description": "no template"})[0] == 403
    with embedded(tmp_path / "state") as cloud:
        prepare(cloud)
        path = f"/run/v2/{LOCATION}/services?serviceId=mem"
        status, _, text = cloud.http("POST", path, {"description": "no template"})
        assert (status, json.loads(text)["error"]["status"]) == (400, "INVALID_ARGUMENT")
        body = {"uid": "mine", "creator": "me", "template": {"containers": [{"image": image_of(cloud)}]}}
        assert cloud.http("POST", path, body)[0] == 200
        made = cloud.services().get_service(name=NAME)
        assert "mine" not in (made.uid, made.creator)
