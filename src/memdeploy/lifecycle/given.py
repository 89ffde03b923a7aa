"""What the user gives besides the configuration: read from where it says, else asked for where somebody can answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from memdeploy.config import aws, key
from memdeploy.config.model import Deployment, ModelProvider, Neo4jMode
from memdeploy.lifecycle.request import Request
from memdeploy.secret import Secret
from memdeploy.state.journal import Journal

Hidden = Callable[[str], str]
_ANSWER = "what was typed"


def secrets(request: Request, deployment: Deployment, journal: Journal) -> Mapping[str, Secret]:
    """By field of `providers.base.Context`. Nobody is asked for what is stored already or stands elsewhere."""
    found = dict(request.secrets(deployment))
    if request.hidden is None:
        return found
    stored = journal.outputs()
    if "model_key" not in found and "secret.model" not in stored:
        found |= _named("model_key", _model(deployment, request.hidden))
    if "neo4j_password" not in found and "secret.external" not in stored:
        found |= _named("neo4j_password", _neo4j(deployment, request.hidden))
    return found


def _named(name: str, value: Secret | None) -> dict[str, Secret]:
    return {} if value is None else {name: value}


def _model(deployment: Deployment, hidden: Hidden) -> Secret | None:
    model = deployment.model
    if model.provider is ModelProvider.OFFLINE or model.source is None or model.source.env is None:
        return None
    unset = f"{model.source.env} is not set"
    if model.provider is not ModelProvider.BEDROCK:
        return _line(key.MODEL_KEY, hidden(f"Key of the model's provider ({unset}; it is not shown)"))
    name = hidden(f"AWS access key id ({unset}; it is not shown)")
    value = hidden("AWS secret access key (it is not shown)")
    return aws.made(name, value, "", _ANSWER).secret() if name or value else None


def _neo4j(deployment: Deployment, hidden: Hidden) -> Secret | None:
    neo4j = deployment.neo4j
    if neo4j.mode is not Neo4jMode.EXTERNAL or neo4j.password.env is None:
        return None
    return _line(
        key.NEO4J_PASSWORD, hidden(f"Password of your Neo4j ({neo4j.password.env} is not set; it is not shown)")
    )


def _line(what: key.What, text: str) -> Secret | None:
    return key.typed(what, text, _ANSWER).value if text else None
