"""What v1 writes arrives in v2 and comes back; both sides are what Google's documents of v1 and v2 allow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memdeploy.rehearsal.bodies import Checker
from memdeploy.rehearsal.contract import Contract
from memdeploy.rehearsal.knative import jobs, services
from memdeploy.rehearsal.knative.meta import Place

V2, V1 = Contract().documents("run")
PLACE = Place("123456789012", "us-central1")

# As gcloud 528 sends it (`gcloud run deploy --log-http`), with every flag that the guide or memdeploy's service needs.
SENT: dict[str, Any] = {
    "apiVersion": "serving.knative.dev/v1",
    "kind": "Service",
    "metadata": {
        "name": "mem",
        "namespace": "proj-1",
        "labels": {"a": "b"},
        "annotations": {
            "mine": "kept",
            "run.googleapis.com/client-name": "gcloud",
            "run.googleapis.com/client-version": "528.0.0",
            "run.googleapis.com/description": "x y",
            "run.googleapis.com/ingress": "internal-and-cloud-load-balancing",
            "run.googleapis.com/invoker-iam-disabled": "true",
            "run.googleapis.com/custom-audiences": '["https://a.example"]',
            "run.googleapis.com/minScale": "1",
            "run.googleapis.com/launch-stage": "BETA",
        },
    },
    "spec": {
        "template": {
            "metadata": {
                "name": "mem-first",
                "labels": {"a": "b", "client.knative.dev/nonce": "iaypvlopfu"},
                "annotations": {
                    "autoscaling.knative.dev/minScale": "0",
                    "autoscaling.knative.dev/maxScale": "10",
                    "run.googleapis.com/cloudsql-instances": "p:r:db,p:r:other",
                    "run.googleapis.com/container-dependencies": '{"main": ["side"]}',
                    "run.googleapis.com/cpu-throttling": "false",
                    "run.googleapis.com/execution-environment": "gen2",
                    "run.googleapis.com/network-interfaces": '[{"network": "n", "subnetwork": "s", "tags": ["t"]}]',
                    "run.googleapis.com/secrets": "far:projects/9/secrets/far",
                    "run.googleapis.com/sessionAffinity": "true",
                    "run.googleapis.com/startup-cpu-boost": "true",
                    "run.googleapis.com/vpc-access-egress": "private-ranges-only",
                },
            },
            "spec": {
                "containerConcurrency": 20,
                "timeoutSeconds": 600,
                "serviceAccountName": "run@proj-1.iam.gserviceaccount.com",
                "containers": [
                    {
                        "name": "main",
                        "image": "us-central1-docker.pkg.dev/proj-1/r/mm:v1",
                        "command": ["serve"],
                        "args": ["-v"],
                        "ports": [{"containerPort": 8080, "name": "http1"}],
                        "env": [
                            {"name": "HOST", "value": "1.2.3.4"},
                            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "openai", "key": "latest"}}},
                            {"name": "FAR", "valueFrom": {"secretKeyRef": {"name": "far", "key": "2"}}},
                        ],
                        "resources": {"limits": {"cpu": "2", "memory": "2Gi"}},
                        "startupProbe": {"httpGet": {"path": "/health"}, "periodSeconds": 10, "failureThreshold": 24},
                        "livenessProbe": {"tcpSocket": {"port": 8080}},
                        "volumeMounts": [{"name": "sec", "mountPath": "/sec"}, {"name": "b", "mountPath": "/b"}],
                    },
                    {"name": "side", "image": "neo4j:5.26-community", "startupProbe": {"grpc": {"port": 9}}},
                ],
                "volumes": [
                    {"name": "sec", "secret": {"secretName": "abc", "items": [{"key": "2", "path": "x", "mode": 256}]}},
                    {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
                    {"name": "nfs", "nfs": {"server": "10.0.0.2", "path": "/x", "readOnly": True}},
                    {
                        "name": "b",
                        "csi": {
                            "driver": "gcsfuse.run.googleapis.com",
                            "readOnly": True,
                            "volumeAttributes": {"bucketName": "bk", "mountOptions": "a,b"},
                        },
                    },
                ],
            },
        },
        "traffic": [{"latestRevision": True, "percent": 90}, {"revisionName": "mem-0", "percent": 10, "tag": "old"}],
    },
}


def allowed(document: Any, schema: str, value: dict[str, Any]) -> dict[str, Any]:
    checker = Checker(document.schemas)
    regular = checker.message(schema, value)
    assert checker.errors == []
    return regular


def kept(service: dict[str, Any]) -> dict[str, Any]:
    """As v2's rules keep it."""
    name = "projects/proj-1/locations/us-central1/services/mem"
    return {**service, "name": name, "generation": "3", "observedGeneration": "2", "uid": "u", "etag": '"e"'}


def test_a_service_becomes_one_of_v2() -> None:
    made = services.from_v1(allowed(V1, "Service", SENT))
    assert allowed(V2, "GoogleCloudRunV2Service", made) == made
    template = made["template"]
    main, side = template["containers"]
    assert made["ingress"] == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    assert (made["description"], made["invokerIamDisabled"], made["launchStage"]) == ("x y", True, "BETA")
    assert made["annotations"] == {"mine": "kept"}
    assert made["scaling"] == {"minInstanceCount": 1}
    assert template["scaling"] == {"minInstanceCount": 0, "maxInstanceCount": 10}
    assert template["vpcAccess"] == {
        "networkInterfaces": [{"network": "n", "subnetwork": "s", "tags": ["t"]}],
        "egress": "PRIVATE_RANGES_ONLY",
    }
    assert (template["timeout"], template["maxInstanceRequestConcurrency"]) == ("600s", 20)
    assert main["resources"] == {"limits": {"cpu": "2", "memory": "2Gi"}, "cpuIdle": False, "startupCpuBoost": True}
    assert main["dependsOn"] == ["side"]
    assert main["env"][1]["valueSource"]["secretKeyRef"] == {"secret": "openai", "version": "latest"}
    assert main["env"][2]["valueSource"]["secretKeyRef"] == {"secret": "projects/9/secrets/far", "version": "2"}
    assert main["volumeMounts"][-1] == {"name": "cloudsql", "mountPath": "/cloudsql"}
    assert template["volumes"][-1] == {"name": "cloudsql", "cloudSqlInstance": {"instances": ["p:r:db", "p:r:other"]}}
    assert "volumeMounts" not in side


def test_it_comes_back_as_it_was_sent() -> None:
    back = services.to_v1(kept(services.from_v1(SENT)), PLACE)
    allowed(V1, "Service", back)
    want, have = SENT["metadata"]["annotations"], back["metadata"]["annotations"]
    assert {key: have.get(key) for key in want} == want
    assert back["metadata"]["namespace"] == "123456789012"
    template, sent = back["spec"]["template"], SENT["spec"]["template"]
    assert back["spec"]["traffic"] == SENT["spec"]["traffic"]
    assert template["metadata"]["labels"] == sent["metadata"]["labels"]
    assert {key: _read(value) for key, value in template["metadata"]["annotations"].items()} == {
        key: _read(value) for key, value in sent["metadata"]["annotations"].items()
    }
    assert template["spec"] == sent["spec"]


def _read(text: str) -> Any:
    return json.loads(text) if text[:1] in "[{" else text


def test_reading_a_service_back_and_replacing_it_changes_nothing() -> None:
    first = services.from_v1(SENT)
    again = services.from_v1(services.to_v1(kept(first), PLACE))
    assert {key: value for key, value in again.items() if key != "etag"} == first


@pytest.mark.parametrize(
    ("state", "status"),
    [("CONDITION_SUCCEEDED", "True"), ("CONDITION_FAILED", "False"), ("CONDITION_RECONCILING", "Unknown")],
)
def test_readiness_is_told_in_three_conditions(state: str, status: str) -> None:
    terminal = {"type": "Ready", "state": state, "revisionReason": "HEALTH_CHECK_CONTAINER_ERROR", "severity": "ERROR"}
    shown = services.to_v1(kept({**services.from_v1(SENT), "terminalCondition": terminal}), PLACE)
    conditions = {one["type"]: one for one in shown["status"]["conditions"]}
    assert set(conditions) == {"Ready", "ConfigurationsReady", "RoutesReady"}
    assert conditions["Ready"]["status"] == status
    assert conditions["Ready"]["reason"] == "HealthCheckContainerError"
    assert "severity" not in conditions["Ready"]  # gcloud reads one with a severity other than Error as no verdict


def test_an_annotation_that_is_no_value_of_its_field_is_named() -> None:
    broken = {"metadata": {"annotations": {"run.googleapis.com/minScale": "many"}}}
    with pytest.raises(ValueError, match=r"annotations\[run\.googleapis\.com/minScale\]: Invalid value: 'many'"):
        services.from_v1(broken)


def test_a_job_comes_back_as_it_was_sent() -> None:
    task = {
        "containers": [{"name": "c", "image": "neo4j:5.26-community", "env": [{"name": "A", "value": "b"}]}],
        "maxRetries": 1,
        "timeoutSeconds": "300",
        "serviceAccountName": "run@proj-1.iam.gserviceaccount.com",
    }
    sent: dict[str, Any] = {
        "metadata": {"name": "j", "labels": {"x": "y"}},
        "spec": {
            "startExecutionToken": "t",
            "template": {
                "metadata": {"annotations": {"run.googleapis.com/vpc-access-egress": "all-traffic"}},
                "spec": {"taskCount": 1, "template": {"spec": task}},
            },
        },
    }
    made = jobs.from_v1(allowed(V1, "Job", sent))
    assert allowed(V2, "GoogleCloudRunV2Job", made) == made
    assert made["template"]["template"]["timeout"] == "300s"
    back = jobs.to_v1(kept(made), PLACE)
    allowed(V1, "Job", back)
    assert back["spec"]["template"]["spec"] == sent["spec"]["template"]["spec"]
    assert back["spec"]["startExecutionToken"] == "t"
    annotations = back["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"run.googleapis.com/vpc-access-egress": "all-traffic"}
