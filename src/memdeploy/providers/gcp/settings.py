"""How a deployment was configured, as far as the cloud still tells: the other way round of what its service is given.

Sizes are not read: `plan` shows where the configuration differs. What matters is what stored memories depend on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.config.model import Connectivity, Neo4jMode
from memdeploy.engine.step import Outputs, Run, Step
from memdeploy.memmachine import releases
from memdeploy.providers import model_variables
from memdeploy.providers.gcp import health, run_container
from memdeploy.providers.gcp.run_container import JSON, OFFLINE_MODEL, SIDECAR_URI, SOCKETS
from memdeploy.providers.gcp.scope import Scope
from memdeploy.providers.looking import question


def step(scope: Scope) -> Step:
    return question("settings", "How it was configured", lambda run: _read(scope, run))


def _read(scope: Scope, run: Run) -> Outputs:
    path = f"{scope.names.location}/services/{scope.names.own('api')}"
    service = run.find(lambda: run_container.to_json(scope.clients.run_services("get_service", name=path)))
    if service is None or not scope.marker.on_labels(service.get("labels")):
        return {}
    values = _environment(service)
    release = _release(scope, service)
    return {
        **model_variables.read(
            values, scope.deployment.model.provider, offline=values.get("MODEL_BASE_URL") == OFFLINE_MODEL
        ),
        **_neo4j(values),
        **_postgres(values),
        **({"release": release} if release else {}),
    }


def _environment(service: JSON) -> Mapping[str, Any]:
    """Of MemMachine's container: a sidecar has no model."""
    containers = service.get("template", {}).get("containers", [])
    told = [run_container.found_variables(container.get("env", [])) for container in containers]
    return next((values for values in told if "MODEL_EMBEDDING" in values), {})


def _release(scope: Scope, service: JSON) -> str | None:
    """As MemMachine itself says."""
    verifier = scope.names.account_email("vrf")
    version = health.ask(scope, service.get("uri", ""), verifier).get("version")
    return str(version) if version in releases.RELEASES else None


def _neo4j(values: Mapping[str, Any]) -> dict[str, Any]:
    uri = values.get("NEO4J_URI")
    if uri is None:
        return {}
    if "NEO4J_CA_PEM" in values:
        return {"neo4j.mode": str(Neo4jMode.VM)}
    if uri == SIDECAR_URI:
        return {"neo4j.mode": str(Neo4jMode.SIDECAR)}
    return {"neo4j.mode": str(Neo4jMode.EXTERNAL), "neo4j.uri": uri, "neo4j.user": values.get("NEO4J_USER", "neo4j")}


def _postgres(values: Mapping[str, Any]) -> dict[str, Any]:
    host = values.get("POSTGRES_HOST")
    if host is None:
        return {}
    by_socket = str(host).startswith(SOCKETS)
    return {"postgres.connectivity": str(Connectivity.CONNECTOR if by_socket else Connectivity.PRIVATE)}
