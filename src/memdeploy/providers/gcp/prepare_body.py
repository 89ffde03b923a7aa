"""The body of the prepare job, and the key of its success. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import memdeploy
from memdeploy.config.model import Deployment
from memdeploy.providers.gcp import modes, run_container
from memdeploy.providers.gcp.run_container import JSON
from memdeploy.providers.gcp.scope import Scope


def job_body(scope: Scope, inputs: Mapping[str, Any]) -> JSON:
    """One task, never repeated by Cloud Run (the default is three times): its exit code is the answer."""
    values = run_container.environment(scope.deployment, inputs)
    if modes.sidecar(scope.deployment):
        values["PREPARE_SKIPS"] = "neo4j"  # it is not there before the service is
    return {
        "labels": scope.marker.labels,
        "client": "memdeploy",
        "clientVersion": memdeploy.__version__,
        "template": {
            "labels": scope.marker.labels,
            "taskCount": 1,
            "parallelism": 1,
            "template": {
                "maxRetries": 0,
                "timeout": "600s",
                "serviceAccount": inputs["account"],
                "executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2",
                **run_container.without_empty(
                    {"vpcAccess": run_container.access_to_network(inputs), "volumes": run_container.volumes(inputs)}
                ),
                "containers": [
                    {
                        "name": "prepare",
                        "image": inputs["image"],
                        "args": ["prepare"],
                        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
                        "env": run_container.variables(values, scope),
                        **run_container.without_empty({"volumeMounts": run_container.mounts(inputs)}),
                    }
                ],
            },
        },
    }


def prepare_key(deployment: Deployment, inputs: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]]) -> str:
    """Image digest, the instance's createTime, the disk's id (or which other Neo4j it is), the count of restores, the
    model and the versions of the secrets that open it and Neo4j: any change prepares again, and so proves them before
    the service depends on them."""
    image = str(inputs["image"]).rpartition("@")[2]
    restores = records.get("restore", {}).get("count", 0)
    graph = inputs.get("disk_id") or deployment.neo4j.uri or str(deployment.neo4j.mode)
    return f"{image} {inputs['created']} {graph} {restores} {_opened(deployment, inputs)}"


def _opened(deployment: Deployment, inputs: Mapping[str, Any]) -> str:
    model = deployment.model.model_dump(mode="json", exclude={"key"})
    secrets = {name: run_container.short(inputs.get(name)) for name in ("model_key", "neo4j_password")}
    return hashlib.sha256(json.dumps([model, secrets], sort_keys=True).encode()).hexdigest()[:12]
