"""What MemMachine's container is told: where its databases and its model are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from memdeploy.config.model import Deployment, ModelOptions, ModelProvider, Neo4jMode
from memdeploy.memmachine.offline_model import ALIAS
from memdeploy.memmachine.offline_model import PORT as MODEL_PORT
from memdeploy.providers.local.containers.spec import Sealed, Value
from memdeploy.providers.model_variables import of_model
from memdeploy.secret import SecretRef

DATABASE = USER = "memmachine"
POSTGRES, NEO4J = "postgres", "neo4j"
"Names in the deployment's own network."
NEO4J_URI = f"bolt://{NEO4J}:7687"
HOST = "host.docker.internal"
GATEWAY = MappingProxyType({HOST: "host-gateway"})
"The machine itself, as seen from a container (Docker 20.10, podman 4.7)."
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def external(deployment: Deployment) -> bool:
    return deployment.neo4j.mode is Neo4jMode.EXTERNAL


def offline(deployment: Deployment) -> bool:
    return deployment.model.provider is ModelProvider.OFFLINE


def environment(deployment: Deployment, inputs: Mapping[str, Any]) -> dict[str, Value]:
    """`inputs`: `postgres_password`, `neo4j_password`, `model_key` as SecretRef JSON."""
    return {
        "POSTGRES_HOST": POSTGRES,
        "POSTGRES_PORT": "5432",
        "POSTGRES_DB": DATABASE,
        "POSTGRES_USER": USER,
        "POSTGRES_PASSWORD": sealed(inputs["postgres_password"]),
        "LOCAL_ONLY": "yes",
        **_neo4j(deployment, inputs),
        **_model(deployment.model, inputs),
    }


def sealed(output: Any, prefix: str = "") -> Sealed:
    return Sealed(SecretRef.from_json(output), prefix)


def _neo4j(deployment: Deployment, inputs: Mapping[str, Any]) -> dict[str, Value]:
    password = sealed(inputs["neo4j_password"])
    if external(deployment):
        return {
            "NEO4J_URI": from_inside(deployment.neo4j.uri or ""), "NEO4J_USER": deployment.neo4j.user,
            "NEO4J_PASSWORD": password,
        }  # fmt: skip
    return {"NEO4J_URI": NEO4J_URI, "NEO4J_USER": "neo4j", "NEO4J_PASSWORD": password}


def _model(model: ModelOptions, inputs: Mapping[str, Any]) -> dict[str, Value]:
    told: dict[str, Value] = of_model(model, sealed(inputs["model_key"]), f"http://{ALIAS}:{MODEL_PORT}/v1")
    address = told.get("MODEL_BASE_URL")
    return told | ({"MODEL_BASE_URL": from_inside(address)} if isinstance(address, str) else {})


def from_inside(address: str) -> str:
    """This machine's own loopback address is another one in a container: there it has a name."""
    parts = urlsplit(address)
    if parts.hostname not in _LOOPBACK:
        return address
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{HOST}{port}"))


def names_host(told: Mapping[str, Value]) -> bool:
    return any(isinstance(value, str) and urlsplit(value).hostname == HOST for value in told.values())


def on_this_machine(address: str | None) -> bool:
    return address is not None and urlsplit(address).hostname in _LOOPBACK
