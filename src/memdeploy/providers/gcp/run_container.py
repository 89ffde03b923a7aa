"""The container that job and service run alike: image, environment, network, account. Bodies as JSON of the REST API.

https://cloud.google.com/run/docs/reference/rest/v2/Container
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.providers.gcp import modes
from memdeploy.providers.gcp.names import last, relative
from memdeploy.providers.gcp.scope import Scope
from memdeploy.providers.model_variables import of_model
from memdeploy.secret import SecretRef

JSON = dict[str, Any]
PORT = 8080
OFFLINE_MODEL = "http://offline-model:9000/v1"
"""Where a rehearsal's deterministic model answers, seen from its containers."""
SOCKETS = "/cloudsql"
SIDECAR_URI = "bolt://127.0.0.1:7687"


def environment(deployment: Deployment, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Variable -> text, or SecretRef JSON, or `Unknown` in a plan. PORT is Cloud Run's own and refused there.

    `inputs` are those that the graph gives to `Prepare` and `Service`, by mode: `image`, `account` (an e-mail address),
    `postgres_*` and `neo4j_*`, `model_key`; secrets as SecretRef JSON, authorities and certificates as PEM texts.
    """
    return {
        **_postgres(inputs),
        **_neo4j(deployment, inputs),
        **of_model(deployment.model, inputs["model_key"], OFFLINE_MODEL),
    }


def _postgres(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """By address with a verified certificate, or by the socket that Cloud Run's connector makes."""
    common = {
        "POSTGRES_PORT": "5432",
        "POSTGRES_DB": inputs["postgres_database"],
        "POSTGRES_USER": inputs["postgres_user"],
        "POSTGRES_PASSWORD": inputs["postgres_password"],
    }
    if "postgres_connection" in inputs:
        connection = inputs["postgres_connection"]
        return common | {"POSTGRES_HOST": f"{SOCKETS}/{connection}" if isinstance(connection, str) else connection}
    return common | {
        "POSTGRES_HOST": inputs["postgres_address"],
        "POSTGRES_CA_PEM": inputs["postgres_authority"],
    }


def _neo4j(deployment: Deployment, inputs: Mapping[str, Any]) -> dict[str, Any]:
    if modes.external(deployment):
        uri, user = deployment.neo4j.uri, deployment.neo4j.user
        return {"NEO4J_URI": uri, "NEO4J_USER": user, "NEO4J_PASSWORD": inputs["neo4j_password"]}
    if modes.sidecar(deployment):
        return {"NEO4J_URI": SIDECAR_URI, "NEO4J_USER": "neo4j", "NEO4J_PASSWORD": inputs["neo4j_password"]}
    return {
        "NEO4J_URI": _bolt(inputs["neo4j_address"]),
        "NEO4J_USER": "neo4j",
        "NEO4J_PASSWORD": inputs["neo4j_password"],
        "NEO4J_CA_PEM": inputs["neo4j_certificate"],
    }


def variables(values: Mapping[str, Any], scope: Scope) -> list[JSON]:
    """`env` of a container. Secrets by pinned version: `latest` is resolved anew by every instance."""
    return [_variable(name, value, scope) for name, value in sorted(values.items())]


def _variable(name: str, value: Any, scope: Scope) -> JSON:
    if isinstance(value, str):
        return {"name": name, "value": value}
    ref = SecretRef.from_json(value)
    secret = relative(ref.name) if "/" in ref.name else scope.names.secret(ref.name)
    return {"name": name, "valueSource": {"secretKeyRef": {"secret": secret, "version": ref.version}}}


def found_variables(env: list[JSON]) -> dict[str, Any]:
    """`env` as found, in the form of `environment`."""
    return {variable["name"]: _found(variable) for variable in env}


def _found(variable: JSON) -> Any:
    key = variable.get("valueSource", {}).get("secretKeyRef")
    if key is None:
        return variable.get("value", "")
    return SecretRef(last(key["secret"]), key.get("version", "")).to_json()


def short(value: Any) -> Any:
    """A reference by its short name, to compare: Secret Manager and Cloud Run answer with the project's number."""
    if isinstance(value, Mapping) and "secret" in value:
        return {**value, "secret": last(value["secret"])}
    return value


def access_to_network(inputs: Mapping[str, Any]) -> JSON | None:
    """Direct VPC egress for private addresses; the model is reached directly. None without a network of ours.
    https://cloud.google.com/run/docs/configuring/vpc-direct-vpc"""
    if "network" not in inputs:
        return None
    interface = {"network": relative(inputs["network"]), "subnetwork": relative(inputs["subnet"])}
    return {"egress": "PRIVATE_RANGES_ONLY", "networkInterfaces": [interface]}


def volumes(inputs: Mapping[str, Any]) -> list[JSON]:
    """The connector's sockets. https://cloud.google.com/sql/docs/postgres/connect-run#public-ip-default_1"""
    if "postgres_connection" not in inputs:
        return []
    return [{"name": "cloudsql", "cloudSqlInstance": {"instances": [inputs["postgres_connection"]]}}]


def mounts(inputs: Mapping[str, Any]) -> list[JSON]:
    return [{"name": "cloudsql", "mountPath": SOCKETS}] if "postgres_connection" in inputs else []


def without_empty(body: JSON) -> JSON:
    """A body without what this mode does not have."""
    return {key: value for key, value in body.items() if value not in (None, [])}


def message(cls: Any, body: JSON) -> Any:
    """The proto message (`run_v2.Service`, …) of a REST body; an unknown field is an error."""
    import json

    return cls.from_json(json.dumps(body), ignore_unknown_fields=False)


def to_json(found: Any) -> JSON:
    """The REST form of a proto message; fields at their default are left out."""
    from google.protobuf.json_format import MessageToDict

    result: JSON = MessageToDict(type(found).pb(found))
    return result


def _bolt(address: Any) -> Any:
    return f"bolt+s://{address}:7687" if isinstance(address, str) else address
