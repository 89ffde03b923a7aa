"""What runs: a revision's template and a task's, whose settings v1 keeps in annotations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.knative import containers as one
from memdeploy.rehearsal.knative.meta import (
    CLIENT,
    CLIENT_VERSION,
    Field,
    from_annotations,
    if_true,
    own,
    to_annotations,
    yes,
)

Json = Mapping[str, Any]
_ENVIRONMENTS = {"gen1": "EXECUTION_ENVIRONMENT_GEN1", "gen2": "EXECUTION_ENVIRONMENT_GEN2"}
_EGRESS = {"all-traffic": "ALL_TRAFFIC", "all": "ALL_TRAFFIC", "private-ranges-only": "PRIVATE_RANGES_ONLY"}
_SECRETS, _SQL = "run.googleapis.com/secrets", "run.googleapis.com/cloudsql-instances"
_DEPENDENCIES = "run.googleapis.com/container-dependencies"
_THROTTLING, _BOOST = "run.googleapis.com/cpu-throttling", "run.googleapis.com/startup-cpu-boost"


def _back(table: Mapping[str, str]) -> Mapping[str, str]:
    return {value: key for key, value in reversed(list(table.items()))}


_COMMON = (
    Field("run.googleapis.com/encryption-key", "encryptionKey"),
    Field("run.googleapis.com/execution-environment", "executionEnvironment",
          lambda text: _ENVIRONMENTS[text], lambda value: _back(_ENVIRONMENTS)[value]),
    Field("run.googleapis.com/network-interfaces", "vpcAccess.networkInterfaces", json.loads, json.dumps),
    Field("run.googleapis.com/vpc-access-connector", "vpcAccess.connector"),
    Field("run.googleapis.com/vpc-access-egress", "vpcAccess.egress",
          lambda text: _EGRESS[text], lambda value: _back(_EGRESS)[value]),
)  # fmt: skip
_REVISION = (
    *_COMMON,
    Field("autoscaling.knative.dev/minScale", "scaling.minInstanceCount", int),
    Field("autoscaling.knative.dev/maxScale", "scaling.maxInstanceCount", int),
    Field("run.googleapis.com/sessionAffinity", "sessionAffinity", yes, if_true),
    Field("run.googleapis.com/health-check-disabled", "healthCheckDisabled", yes, if_true),
    Field(CLIENT, "client"),
    Field(CLIENT_VERSION, "clientVersion"),
)
ANNOTATIONS = frozenset(field.annotation for field in _REVISION) | {_SECRETS, _SQL, _DEPENDENCIES, _THROTTLING, _BOOST}


def revision_from_v1(template: Json) -> dict[str, Any]:
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    annotations = meta.get("annotations") or {}
    made: dict[str, Any] = {
        "revision": meta.get("name"),
        "labels": own(meta.get("labels")),
        "annotations": own(annotations),
        "serviceAccount": spec.get("serviceAccountName"),
        "timeout": f"{spec['timeoutSeconds']}s" if spec.get("timeoutSeconds") else None,
        "maxInstanceRequestConcurrency": spec.get("containerConcurrency"),
        **from_annotations(_REVISION, annotations),
        **_contents_from_v1(spec, annotations),
    }
    _share_of_cpu(made["containers"], annotations)
    return {key: value for key, value in made.items() if value not in (None, "", {}, [])}


def revision_to_v1(template: Json) -> tuple[dict[str, str], dict[str, Any]]:
    """The system's annotations and the spec of a RevisionTemplate or a Revision."""
    main = _main(template.get("containers") or [{}])
    resources = main.get("resources") or {}
    annotations = {**to_annotations(_REVISION, template), **_contents_annotations(template)}
    if resources:  # ResourceRequirements.cpuIdle: true by default, but false where resources are set without it
        annotations[_THROTTLING] = "true" if resources.get("cpuIdle") else "false"
    if resources.get("startupCpuBoost"):
        annotations[_BOOST] = "true"
    spec: dict[str, Any] = {
        "containerConcurrency": template.get("maxInstanceRequestConcurrency"),
        "timeoutSeconds": _whole_seconds(template.get("timeout")),
        "serviceAccountName": template.get("serviceAccount"),
        **_contents_to_v1(template),
    }
    return annotations, {key: value for key, value in spec.items() if value not in (None, "", [])}


def task_from_v1(spec: Json, annotations: Json) -> dict[str, Any]:
    """`annotations`: those of the ExecutionTemplateSpec around the TaskSpec."""
    made: dict[str, Any] = {
        "serviceAccount": spec.get("serviceAccountName"),
        "timeout": f"{spec['timeoutSeconds']}s" if spec.get("timeoutSeconds") else None,
        "maxRetries": spec.get("maxRetries"),
        **from_annotations(_COMMON, annotations),
        **_contents_from_v1(spec, annotations),
    }
    return {key: value for key, value in made.items() if value not in (None, "", {}, [])}


def task_to_v1(template: Json) -> tuple[dict[str, str], dict[str, Any]]:
    annotations = {**to_annotations(_COMMON, template), **_contents_annotations(template)}
    seconds = _whole_seconds(template.get("timeout"))
    spec: dict[str, Any] = {
        "maxRetries": template.get("maxRetries"),
        "timeoutSeconds": None if seconds is None else str(seconds),
        "serviceAccountName": template.get("serviceAccount"),
        **_contents_to_v1(template),
    }
    return annotations, {key: value for key, value in spec.items() if value not in (None, "", [])}


def _contents_from_v1(spec: Json, annotations: Json) -> dict[str, Any]:
    aliases = _aliases(str(annotations.get(_SECRETS) or ""))
    containers = [one.from_v1(container, aliases) for container in spec.get("containers") or ()]
    volumes = [one.volume_from_v1(volume, aliases) for volume in spec.get("volumes") or ()]
    needs = json.loads(annotations.get(_DEPENDENCIES) or "{}")
    for container in containers:
        if needs.get(container.get("name")):
            container["dependsOn"] = needs[container["name"]]
    instances = [name.strip() for name in str(annotations.get(_SQL) or "").split(",") if name.strip()]
    if instances and containers:
        volumes.append({"name": one.SOCKETS, "cloudSqlInstance": {"instances": instances}})
        main = _main(containers)
        main["volumeMounts"] = [*main.get("volumeMounts", []), {"name": one.SOCKETS, "mountPath": one.SOCKETS_AT}]
    return {"containers": containers, "volumes": volumes}


def _contents_to_v1(template: Json) -> dict[str, Any]:
    containers, volumes = template.get("containers") or [], template.get("volumes") or []
    secret = {name: name.rsplit("/", 1)[-1] for name in one.secret_names(containers, volumes)}
    kept = [volume for volume in volumes if volume.get("cloudSqlInstance") is None]
    return {
        "containers": [one.to_v1(container, secret) for container in containers],
        "volumes": [one.volume_to_v1(volume, secret) for volume in kept],
    }


def _contents_annotations(template: Json) -> dict[str, str]:
    containers, volumes = template.get("containers") or [], template.get("volumes") or []
    elsewhere = [name for name in one.secret_names(containers, volumes) if "/" in name]
    needs = {c["name"]: c["dependsOn"] for c in containers if c.get("dependsOn")}
    instances = [name for v in volumes for name in (v.get("cloudSqlInstance") or {}).get("instances") or ()]
    made = {
        _SECRETS: ",".join(f"{name.rsplit('/', 1)[-1]}:{name}" for name in dict.fromkeys(elsewhere)),
        _DEPENDENCIES: json.dumps(needs) if needs else "",
        _SQL: ",".join(instances),
    }
    return {key: value for key, value in made.items() if value}


def _aliases(text: str) -> dict[str, str]:
    """`alias:projects/…/secrets/…`, separated by commas (SecretKeySelector.name)."""
    pairs = (part.strip().partition(":") for part in text.split(",") if part.strip())
    return {alias: name for alias, _, name in pairs}


def _share_of_cpu(containers: list[dict[str, Any]], annotations: Json) -> None:
    """Revision-wide in v1, of each container in v2. CPU is throttled unless said otherwise."""
    for container in containers:
        idle = yes(str(annotations.get(_THROTTLING, "true")))
        container["resources"] = {**container.get("resources", {}), "cpuIdle": idle}
        if _BOOST in annotations:
            container["resources"]["startupCpuBoost"] = yes(str(annotations[_BOOST]))


def _main(containers: Any) -> Any:
    """The container that takes requests; a task's only one."""
    return next((container for container in containers if container.get("ports")), containers[0])


def _whole_seconds(duration: Any) -> int | None:
    return int(float(str(duration).rstrip("s"))) if duration else None
