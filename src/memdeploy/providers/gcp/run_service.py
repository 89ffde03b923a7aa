"""The body of MemMachine's Cloud Run service and the view of it that is compared. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import memdeploy
from memdeploy.config.model import Access
from memdeploy.config.profiles import sizes
from memdeploy.engine.step import unknowns
from memdeploy.providers.gcp import run_container
from memdeploy.providers.gcp.names import relative
from memdeploy.providers.gcp.run_container import JSON, PORT, short
from memdeploy.providers.gcp.scope import Scope

TIMEOUT = "300s"  # adds wait for Neo4j up to 60 s, and for the model
CONCURRENCY = 40
ATTEMPT = "memdeploy/attempt"
_PERIOD, _FAILURES = 10, 24  # a service's startup probe may last 240 s at most


def service_body(scope: Scope, inputs: Mapping[str, Any], health: str, attempt: int = 0) -> JSON:
    """`attempt` makes another revision of the same template: Cloud Run does not try a failed one again."""
    size = sizes(scope.deployment)
    template = {
        "labels": scope.marker.labels,
        "serviceAccount": inputs["account"],
        "timeout": TIMEOUT,
        "maxInstanceRequestConcurrency": CONCURRENCY,
        "executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2",
        "scaling": {"minInstanceCount": size.instances_min, "maxInstanceCount": size.instances_max},
        "vpcAccess": run_container.access_to_network(inputs),
        "containers": [_container(scope, inputs, health)],
    }
    if attempt:
        template["annotations"] = {ATTEMPT: str(attempt)}
    return {
        "labels": scope.marker.labels,
        "client": "memdeploy",
        "clientVersion": memdeploy.__version__,
        "ingress": "INGRESS_TRAFFIC_ALL",
        "invokerIamDisabled": _public(scope),
        "template": template,
    }


def _container(scope: Scope, inputs: Mapping[str, Any], health: str) -> JSON:
    size = sizes(scope.deployment)
    values = run_container.environment(scope.deployment.model, inputs)
    return {
        "name": "memmachine",
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
    }


def desired(scope: Scope, inputs: Mapping[str, Any], health: str) -> dict[str, Any]:
    """Paths are the user's own where the value is (`service.instances.max`)."""
    size = sizes(scope.deployment)
    values = run_container.environment(scope.deployment.model, inputs)
    fields = {
        "service.instances.min": size.instances_min,
        "service.instances.max": size.instances_max,
        "service.cpu": size.cpu,
        "service.memory": size.memory,
        "invokerIamDisabled": _public(scope),
        "ingress": "INGRESS_TRAFFIC_ALL",
        "labels": scope.marker.labels,
        "template.serviceAccount": inputs["account"],
        "template.timeout": TIMEOUT,
        "template.maxInstanceRequestConcurrency": CONCURRENCY,
        "template.vpcAccess": _either(inputs, run_container.access_to_network, "network", "subnet"),
        "container.image": inputs["image"],
        "container.cpuIdle": False,
        "container.startupProbe.path": health,
        "container.env": sorted(values),
    }
    return fields | {f"container.env.{name}": short(value) for name, value in values.items()}


def view(scope: Scope, live: JSON) -> dict[str, Any]:
    template = live.get("template", {})
    container: JSON = next(iter(template.get("containers", [])), {})
    resources, scaling = container.get("resources", {}), template.get("scaling", {})
    limits = resources.get("limits", {})
    values = run_container.found_variables(container.get("env", []))
    fields = {
        "service.instances.min": scaling.get("minInstanceCount", 0),
        "service.instances.max": scaling.get("maxInstanceCount", 0),
        "service.cpu": limits.get("cpu"),
        "service.memory": limits.get("memory"),
        "invokerIamDisabled": live.get("invokerIamDisabled", False),
        "ingress": live.get("ingress"),
        "labels": scope.marker.same_labels(live.get("labels")),
        "template.serviceAccount": template.get("serviceAccount"),
        "template.timeout": template.get("timeout"),
        "template.maxInstanceRequestConcurrency": template.get("maxInstanceRequestConcurrency"),
        "template.vpcAccess": _found_network(template.get("vpcAccess", {})),
        "container.image": container.get("image"),
        "container.cpuIdle": resources.get("cpuIdle", False),
        "container.startupProbe.path": container.get("startupProbe", {}).get("httpGet", {}).get("path"),
        "container.env": sorted(values),
    }
    return fields | {f"container.env.{name}": short(value) for name, value in values.items()}


def _found_network(access: JSON) -> JSON:
    interfaces = [
        {"network": relative(i.get("network", "")), "subnetwork": relative(i.get("subnetwork", ""))}
        for i in access.get("networkInterfaces", [])
    ]
    return {"egress": access.get("egress"), "networkInterfaces": interfaces}


def _either(inputs: Mapping[str, Any], make: Any, *needed: str) -> Any:
    """What is made of inputs, or the first of them that is not known yet."""
    return next(iter(unknowns([inputs[name] for name in needed])), None) or make(inputs)


def _public(scope: Scope) -> bool:
    return scope.deployment.service.access is Access.PUBLIC_UNAUTHENTICATED
