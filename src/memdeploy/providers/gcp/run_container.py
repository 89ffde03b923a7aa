"""The container that job and service run alike: image, environment, network, account. Bodies as JSON of the REST API.

https://cloud.google.com/run/docs/reference/rest/v2/Container
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.config.model import ModelOptions, ModelProvider
from memdeploy.providers.gcp.names import last, relative
from memdeploy.providers.gcp.scope import Scope
from memdeploy.secret import SecretRef

JSON = dict[str, Any]
PORT = 8080
OFFLINE_MODEL = "http://offline-model:9000/v1"
"""Where a rehearsal's deterministic model answers, seen from its containers."""
INPUTS = (
    "image",
    "account",
    "network",
    "subnet",
    "postgres_address",
    "postgres_authority",
    "postgres_database",
    "postgres_user",
    "postgres_password",
    "neo4j_address",
    "neo4j_certificate",
    "neo4j_password",
    "model_key",
)
"""Inputs of `Prepare` and `Service`. The three secrets are SecretRef JSON, `network` and `subnet` links, `account` an
email, `postgres_authority` and `neo4j_certificate` PEM texts."""


def environment(model: ModelOptions, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Variable -> text, or SecretRef JSON, or `Unknown` in a plan. PORT is Cloud Run's own and refused there."""
    values = {
        "POSTGRES_HOST": inputs["postgres_address"],
        "POSTGRES_PORT": "5432",
        "POSTGRES_DB": inputs["postgres_database"],
        "POSTGRES_USER": inputs["postgres_user"],
        "POSTGRES_PASSWORD": inputs["postgres_password"],
        "POSTGRES_CA_PEM": inputs["postgres_authority"],
        "NEO4J_URI": _bolt(inputs["neo4j_address"]),
        "NEO4J_USER": "neo4j",
        "NEO4J_PASSWORD": inputs["neo4j_password"],
        "NEO4J_CA_PEM": inputs["neo4j_certificate"],
        "MODEL_PROVIDER": "openai",  # the offline model speaks the same protocol
        "MODEL_CHAT": model.chat,
        "MODEL_EMBEDDING": model.embedding,
        "MODEL_DIMENSIONS": str(model.dimensions),
        "MODEL_API_KEY": inputs["model_key"],
    }
    base_url = model.base_url or (OFFLINE_MODEL if model.provider is ModelProvider.OFFLINE else None)
    return values | ({"MODEL_BASE_URL": base_url} if base_url else {})


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


def access_to_network(inputs: Mapping[str, Any]) -> JSON:
    """Direct VPC egress for private addresses; the model is reached directly.
    https://cloud.google.com/run/docs/configuring/vpc-direct-vpc"""
    interface = {"network": relative(inputs["network"]), "subnetwork": relative(inputs["subnet"])}
    return {"egress": "PRIVATE_RANGES_ONLY", "networkInterfaces": [interface]}


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
