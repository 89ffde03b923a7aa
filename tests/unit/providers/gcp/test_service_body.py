"""Bodies of the Cloud Run service and job, and what counts as drift."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from google.cloud import run_v2

import memdeploy
from memdeploy.engine.step import Difference, Unknown
from memdeploy.providers.gcp import run_container, run_service
from memdeploy.providers.gcp.prepare_body import job_body, prepare_key
from memdeploy.providers.gcp.service import Service

from .bodies import CONTAINER, MACHINE, NEO, SECRET, golden, scope

HEALTH = "/api/v2/health"


def key(inputs: Any, records: Any) -> str:
    return prepare_key(scope().deployment, inputs, records)


def body(**options: Any) -> dict[str, Any]:
    return run_service.service_body(scope(**options), CONTAINER, HEALTH)


def as_served(sent: dict[str, Any]) -> dict[str, Any]:
    """What Cloud Run answers for a body: through the real message, with defaults and outputs of its own."""
    found = run_container.to_json(run_container.message(run_v2.Service, sent))
    template = found["template"]
    template["containers"][0]["resources"]["limits"].setdefault("nvidia.com/gpu", "0")
    template["containers"][0]["startupProbe"]["initialDelaySeconds"] = 0
    template["annotations"] = {"run.googleapis.com/anything": "x"}
    template["sessionAffinity"] = False
    for variable in template["containers"][0]["env"]:
        ref = variable.get("valueSource", {}).get("secretKeyRef")
        if ref:  # answered with the project's number
            ref["secret"] = ref["secret"].replace("projects/proj-1/", "projects/123456789012/")
    return {
        **found,
        "labels": {**found["labels"], "goog-managed-by": "somebody"},
        "name": "projects/proj-1/locations/us-central1/services/support-memory-x7k2-api",
        "generation": "3",
        "traffic": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}],
        "launchStage": "GA",
        "uri": "https://x.run.app",
        "terminalCondition": {"state": "CONDITION_SUCCEEDED"},
    }


def differences(sent: dict[str, Any], **options: Any) -> tuple[Difference, ...]:
    """Between what is served for `sent` and what these options want."""
    resource = Service(scope(**options), name="support-memory-x7k2-api")
    return resource.differences(run_service.desired(resource.scope, CONTAINER, HEALTH), resource.view(as_served(sent)))


def test_the_body_is_as_agreed() -> None:
    sent = body(model={"provider": "openai", "base_url": "https://llm.example.com/v1"})
    assert sent.pop("clientVersion") == memdeploy.__version__
    golden("service", sent)


def test_the_front_is_as_agreed() -> None:
    sent = run_service.front_body(scope(), image=CONTAINER["image"], account=CONTAINER["account"])
    assert sent.pop("clientVersion") == memdeploy.__version__
    golden("front", sent)


def test_a_front_is_to_be_brought_to_scale_by_itself() -> None:
    sent = run_service.front_body(scope(), image=CONTAINER["image"], account=CONTAINER["account"])
    found = run_service.view(scope(), run_container.to_json(run_container.message(run_v2.Service, sent)))
    wanted = run_service.desired(scope(), CONTAINER, HEALTH)
    assert (found["scaling.mode"], wanted["scaling.mode"]) == ("MANUAL", "AUTOMATIC")


def test_the_body_is_accepted_by_the_client() -> None:
    message = run_container.message(run_v2.Service, body())

    assert message.template.containers[0].resources.cpu_idle is False
    assert message.template.timeout.seconds == 300
    probe = message.template.containers[0].startup_probe
    assert probe.period_seconds * probe.failure_threshold <= 240


def test_no_variable_holds_a_secret_or_the_port() -> None:
    env = {v["name"]: v for v in body()["template"]["containers"][0]["env"]}

    for name in ("POSTGRES_PASSWORD", "NEO4J_PASSWORD", "MODEL_API_KEY"):
        assert "value" not in env[name]
        assert env[name]["valueSource"]["secretKeyRef"]["version"].isdecimal()
    assert "PORT" not in env


def test_what_the_server_adds_is_no_drift() -> None:
    assert differences(body()) == ()


def test_a_changed_maximum_is_exactly_that_path() -> None:
    (found,) = differences(body(), service={"instances": {"max": 7}})

    assert (found.field, found.have, found.want) == ("service.instances.max", 4, 7)


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("container.image", lambda s: s["template"]["containers"][0].update(image="other")),
        ("container.cpuIdle", lambda s: s["template"]["containers"][0]["resources"].update(cpuIdle=True)),
        ("template.timeout", lambda s: s["template"].update(timeout="60s")),
        ("ingress", lambda s: s.update(ingress="INGRESS_TRAFFIC_INTERNAL_ONLY")),
        ("invokerIamDisabled", lambda s: s.update(invokerIamDisabled=True)),
        ("template.serviceAccount", lambda s: s["template"].update(serviceAccount="other@x")),
        ("template.vpcAccess", lambda s: s["template"]["vpcAccess"].update(egress="ALL_TRAFFIC")),
    ],
)
def test_what_somebody_changed_by_hand_is_seen(path: str, change: Any) -> None:
    sent = copy.deepcopy(body())
    change(sent)

    assert [d.field for d in differences(sent)] == [path]


def test_a_variable_more_and_a_variable_less_are_seen() -> None:
    sent = copy.deepcopy(body())
    sent["template"]["containers"][0]["env"].append({"name": "EXTRA", "value": "1"})
    assert [d.field for d in differences(sent)] == ["container.env"]

    sent = copy.deepcopy(body())
    sent["template"]["containers"][0]["env"] = [
        v for v in sent["template"]["containers"][0]["env"] if v["name"] != "MODEL_CHAT"
    ]
    assert {d.field for d in differences(sent)} == {"container.env", "container.env.MODEL_CHAT"}


def test_another_version_of_a_secret_is_seen() -> None:
    resource = Service(scope(), name="support-memory-x7k2-api")
    newer = {**CONTAINER, "postgres_password": {**SECRET, "version": "4"}}

    (found,) = resource.differences(run_service.desired(scope(), newer, HEALTH), resource.view(as_served(body())))

    assert found.field == "container.env.POSTGRES_PASSWORD"


def test_what_is_not_known_yet_is_not_compared() -> None:
    resource = Service(scope(), name="support-memory-x7k2-api")
    planned = {**CONTAINER, "image": Unknown("image", "reference"), "subnet": Unknown("network.subnet", "link")}

    assert resource.differences(run_service.desired(scope(), planned, HEALTH), resource.view(as_served(body()))) == ()


def test_public_access_is_said_by_the_service_itself() -> None:
    assert body(service={"access": "public-unauthenticated"})["invokerIamDisabled"] is True
    assert body()["invokerIamDisabled"] is False


def test_a_sidecar_that_is_not_known_yet_is_a_change_that_can_be_planned() -> None:
    password, image = Unknown("secret.sidecar", "secret"), Unknown("neo4j.image", "reference")
    inputs = {**CONTAINER, "neo4j_password": password, "neo4j_image": image}
    wanted = run_service.desired(scope(neo4j={"mode": "sidecar"}), inputs, HEALTH)
    assert wanted["containers"] == ["memmachine", "neo4j"]
    assert (wanted["sidecar.password"], wanted["sidecar.image"]) == (password, image)


def test_a_sidecar_is_asked_by_its_own_port_from_outside_and_has_no_other() -> None:
    """Probes do not come from the container's own localhost; its files are memory."""
    inputs = {**CONTAINER, "neo4j_password": NEO, "neo4j_image": MACHINE["image"]}
    sent = run_service.service_body(scope(neo4j={"mode": "sidecar"}), inputs, HEALTH)
    run_container.message(run_v2.Service, sent)
    main, beside = sent["template"]["containers"]
    values = {one["name"]: one.get("value") for one in beside["env"]}
    assert (main["dependsOn"], "ports" in beside) == (["neo4j"], False)
    assert beside["startupProbe"]["tcpSocket"]["port"] == 7687
    assert values["NEO4J_server_bolt_listen__address"] == "0.0.0.0:7687"
    assert values["NEO4J_db_tx__log_preallocate"] == "false"


def test_an_attempt_makes_another_revision() -> None:
    first = run_service.service_body(scope(), CONTAINER, HEALTH)
    second = run_service.service_body(scope(), CONTAINER, HEALTH, attempt=1)

    assert second["template"].pop("annotations") == {"memdeploy/attempt": "1"}
    assert first == second


def test_the_job_runs_once_with_the_same_environment() -> None:
    job = job_body(scope(), CONTAINER)
    run_container.message(run_v2.Job, job)
    assert job.pop("clientVersion") == memdeploy.__version__
    golden("prepare", job)

    task = job["template"]["template"]
    assert task["maxRetries"] == 0
    assert task["containers"][0]["env"] == body()["template"]["containers"][0]["env"]


@pytest.mark.parametrize(
    ("inputs", "records"),
    [
        ({"image": "x@sha256:" + "9" * 64}, {}),
        ({"created": "2026-11-22T10:00:01Z"}, {}),
        ({"disk_id": "4712"}, {}),
        ({"model_key": {"secret": "support-memory-x7k2-key", "version": "3"}}, {}),
        ({"neo4j_password": {"secret": "support-memory-x7k2-ext", "version": "1"}}, {}),
        ({}, {"restore": {"count": 1}}),
    ],
)
def test_prepare_runs_again_when_what_it_proved_has_changed(inputs: Any, records: Any) -> None:
    before = {**CONTAINER, "created": "2026-11-22T10:00:00Z", "disk_id": "4711"}

    assert key(before, {}) == key(dict(before), {})
    assert key({**before, **inputs}, records) != key(before, {})


@pytest.mark.parametrize("model", [{"chat": "gpt-5"}, {"base_url": "https://llm.example.com/v1"}])
def test_another_model_is_proved_before_the_service_has_it(model: Any) -> None:
    inputs = {**CONTAINER, "created": "2026-11-22T10:00:00Z", "disk_id": "4711"}
    assert prepare_key(scope(model=model).deployment, inputs, {}) != key(inputs, {})
    elsewhere = scope(model={"key": {"env": "ANOTHER"}}).deployment
    assert prepare_key(elsewhere, inputs, {}) == key(inputs, {})


def test_the_container_is_told_of_each_provider_what_it_needs() -> None:
    def told(**model: Any) -> dict[str, str]:
        values = run_container.environment(scope(model=model).deployment, CONTAINER)
        return {name: value for name, value in values.items() if name.startswith("MODEL_") and isinstance(value, str)}

    sizes = {"MODEL_DIMENSIONS": "1024", "MODEL_CHAT": "c", "MODEL_EMBEDDING": "e"}
    named = {"chat": "c", "embedding": "e", "dimensions": 1024}
    url = "http://10.0.0.9:11434/v1"
    openai = {**sizes, "MODEL_PROVIDER": "openai", "MODEL_API": "responses"}
    assert told(**named) == openai
    compatible = {**openai, "MODEL_BASE_URL": url, "MODEL_API": "chat-completions"}
    assert told(**named, base_url=url) == told(**named, base_url=url, provider="ollama") == compatible
    assert told(**named, base_url=url, api="responses") == {**openai, "MODEL_BASE_URL": url}
    bedrock = {**openai, "MODEL_PROVIDER": "amazon-bedrock", "MODEL_REGION": "us-east-1"}
    assert told(**named, provider="amazon-bedrock", region="us-east-1") == bedrock
