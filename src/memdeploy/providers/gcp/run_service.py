"""The body of MemMachine's Cloud Run service and the view of it that is compared. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import memdeploy
from memdeploy.config.model import Access
from memdeploy.config.profiles import sizes
from memdeploy.engine.step import unknowns
from memdeploy.providers.gcp import modes, run_container, run_sidecar
from memdeploy.providers.gcp.names import relative
from memdeploy.providers.gcp.run_container import JSON, PORT, short
from memdeploy.providers.gcp.scope import Scope

TIMEOUT = "300s"  # adds wait for Neo4j up to 60 s, and for the model
CONCURRENCY = 40
ATTEMPT = "memdeploy/attempt"
NAME = "memmachine"
_PERIOD, _FAILURES = 10, 24  # a service's startup probe may last 240 s at most


def service_body(scope: Scope, inputs: Mapping[str, Any], health: str, attempt: int = 0) -> JSON:
    """`attempt` makes another revision of the same template: Cloud Run does not try a failed one again."""
    low, high = _instances(scope)
    template = {
        "labels": scope.marker.labels,
        "serviceAccount": inputs["account"],
        "timeout": TIMEOUT,
        "maxInstanceRequestConcurrency": CONCURRENCY,
        "executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2",
        "scaling": {"minInstanceCount": low, "maxInstanceCount": high},
        "containers": [_container(scope, inputs, health), *_beside(scope, inputs)],
        **run_container.without_empty(
            {"vpcAccess": run_container.access_to_network(inputs), "volumes": run_container.volumes(inputs)}
        ),
    }
    if attempt:
        template["annotations"] = {ATTEMPT: str(attempt)}
    return {
        **_frame(scope),
        "template": template,
    }


def _frame(scope: Scope) -> JSON:
    """What a service is from its first moment on, whatever it runs."""
    return {
        "labels": scope.marker.labels,
        "client": "memdeploy",
        "clientVersion": memdeploy.__version__,
        "ingress": "INGRESS_TRAFFIC_ALL",
        "invokerIamDisabled": _public(scope),
    }


def front_body(scope: Scope, *, image: str, account: str) -> JSON:
    """Of a service that runs nothing: no instances, and none to try its first revision either."""
    return {
        **_frame(scope),
        "scaling": {"scalingMode": "MANUAL", "manualInstanceCount": 0},
        "template": {
            "labels": scope.marker.labels,
            "serviceAccount": account,
            "healthCheckDisabled": True,
            "containers": [{"name": NAME, "image": image, "args": ["serve"]}],
        },
    }


def by_hand(live: JSON) -> bool:
    """Whether its instances are counted out: a front, or a service that somebody stopped."""
    return bool(live.get("scaling", {}).get("scalingMode") == "MANUAL")


def _instances(scope: Scope) -> tuple[int, int]:
    """A graph of its own in each instance would be several: beside a sidecar there is one, always."""
    if modes.sidecar(scope.deployment):
        return 1, 1
    size = sizes(scope.deployment)
    return size.instances_min, size.instances_max


def _beside(scope: Scope, inputs: Mapping[str, Any]) -> list[JSON]:
    return [run_sidecar.container(scope, inputs)] if modes.sidecar(scope.deployment) else []


def _container(scope: Scope, inputs: Mapping[str, Any], health: str) -> JSON:
    size = sizes(scope.deployment)
    values = run_container.environment(scope.deployment, inputs)
    return {
        "name": NAME,
        "image": inputs["image"],
        "args": ["serve"],
        "ports": [{"name": "http1", "containerPort": PORT}],
        # Instance-based billing: ingestion goes on after the answer, so CPU is needed between requests.
        "resources": {
            "limits": {"cpu": size.cpu, "memory": size.memory},
            "cpuIdle": False,
            "startupCpuBoost": True,
        },
        "env": run_container.variables(values, scope),
        "startupProbe": {
            "timeoutSeconds": 5,
            "periodSeconds": _PERIOD,
            "failureThreshold": _FAILURES,
            "httpGet": {"path": health, "port": PORT},
        },
        **run_container.without_empty({"volumeMounts": run_container.mounts(inputs)}),
        **({"dependsOn": [run_sidecar.NAME]} if modes.sidecar(scope.deployment) else {}),
    }


def desired(scope: Scope, inputs: Mapping[str, Any], health: str) -> dict[str, Any]:
    """Paths are the user's own where the value is (`service.instances.max`)."""
    size = sizes(scope.deployment)
    values = run_container.environment(scope.deployment, inputs)
    low, high = _instances(scope)
    fields = {
        "service.instances.min": low,
        "service.instances.max": high,
        "service.cpu": size.cpu,
        "service.memory": size.memory,
        "scaling.mode": "AUTOMATIC",
        "invokerIamDisabled": _public(scope),
        "ingress": "INGRESS_TRAFFIC_ALL",
        "labels": scope.marker.labels,
        "template.serviceAccount": inputs["account"],
        "template.timeout": TIMEOUT,
        "template.maxInstanceRequestConcurrency": CONCURRENCY,
        "template.vpcAccess": _network(inputs),
        "template.volumes": _either(inputs, run_container.volumes, "postgres_connection"),
        "containers": [NAME, run_sidecar.NAME] if modes.sidecar(scope.deployment) else [NAME],
        "container.image": inputs["image"],
        "container.cpuIdle": False,
        "container.startupProbe.path": health,
        "container.env": sorted(values),
        **(run_sidecar.desired(inputs) if modes.sidecar(scope.deployment) else {}),
    }
    return fields | {f"container.env.{name}": short(value) for name, value in values.items()}


def view(scope: Scope, live: JSON) -> dict[str, Any]:
    template = live.get("template", {})
    containers: list[JSON] = template.get("containers", [])
    container = next((one for one in containers if one.get("name") == NAME), containers[0] if containers else {})
    beside = next((one for one in containers if one.get("name") == run_sidecar.NAME), {})
    resources, scaling = container.get("resources", {}), template.get("scaling", {})
    limits = resources.get("limits", {})
    values = run_container.found_variables(container.get("env", []))
    fields = {
        "service.instances.min": scaling.get("minInstanceCount", 0),
        "service.instances.max": scaling.get("maxInstanceCount", 0),
        "service.cpu": limits.get("cpu"),
        "service.memory": limits.get("memory"),
        "scaling.mode": "MANUAL" if by_hand(live) else "AUTOMATIC",
        "invokerIamDisabled": live.get("invokerIamDisabled", False),
        "ingress": live.get("ingress"),
        "labels": scope.marker.same_labels(live.get("labels")),
        "template.serviceAccount": template.get("serviceAccount"),
        "template.timeout": template.get("timeout"),
        "template.maxInstanceRequestConcurrency": template.get("maxInstanceRequestConcurrency"),
        "template.vpcAccess": _found_network(template.get("vpcAccess", {})),
        "template.volumes": _found_volumes(template.get("volumes", [])),
        "containers": [one.get("name") for one in containers],
        "container.image": container.get("image"),
        "container.cpuIdle": resources.get("cpuIdle", False),
        "container.startupProbe.path": container.get("startupProbe", {}).get("httpGet", {}).get("path"),
        "container.env": sorted(values),
        **(run_sidecar.view(beside) if beside else {}),
    }
    return fields | {f"container.env.{name}": short(value) for name, value in values.items()}


def _network(inputs: Mapping[str, Any]) -> Any:
    if "network" not in inputs:
        return None
    return _either(inputs, run_container.access_to_network, "network", "subnet")


def _found_volumes(volumes: list[JSON]) -> list[JSON]:
    """Of the connector alone: others are not ours."""
    return [
        {"name": one.get("name"), "cloudSqlInstance": {"instances": one["cloudSqlInstance"].get("instances", [])}}
        for one in volumes
        if "cloudSqlInstance" in one
    ]


def _found_network(access: JSON) -> JSON | None:
    if not access.get("networkInterfaces"):
        return None
    interfaces = [
        {"network": relative(i.get("network", "")), "subnetwork": relative(i.get("subnetwork", ""))}
        for i in access.get("networkInterfaces", [])
    ]
    return {"egress": access.get("egress"), "networkInterfaces": interfaces}


def _either(inputs: Mapping[str, Any], make: Any, *needed: str) -> Any:
    """What is made of inputs, or the first of them that is not known yet."""
    return next(iter(unknowns([inputs[name] for name in needed if name in inputs])), None) or make(inputs)


def _public(scope: Scope) -> bool:
    return scope.deployment.service.access is Access.PUBLIC_UNAUTHENTICATED
