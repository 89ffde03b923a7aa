"""What MemMachine's container is told."""

from __future__ import annotations

import pytest

from memdeploy.providers.local.containers.environment import environment, from_inside, names_host
from memdeploy.providers.local.containers.spec import Sealed
from memdeploy.secret import SecretRef
from tests.unit.providers.local.containers.made import deployment

INPUTS = {name: {"secret": name, "version": "1"} for name in ("postgres_password", "neo4j_password", "model_key")}


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("http://localhost:11434/v1", "http://host.docker.internal:11434/v1"),
        ("http://127.0.0.1/v1", "http://host.docker.internal/v1"),
        ("bolt://[::1]:7687", "bolt://host.docker.internal:7687"),
        ("https://api.example.com/v1", "https://api.example.com/v1"),
        ("http://10.0.0.9:11434/v1", "http://10.0.0.9:11434/v1"),
    ],
)
def test_this_machine_has_another_name_in_a_container(address: str, inside: str) -> None:
    assert from_inside(address) == inside


def test_the_deployments_own_servers_are_found_by_name() -> None:
    told = environment(deployment(), INPUTS)
    assert (told["POSTGRES_HOST"], told["NEO4J_URI"]) == ("postgres", "bolt://neo4j:7687")
    assert told["MODEL_BASE_URL"] == "http://offline-model:9000/v1"
    assert told["NEO4J_PASSWORD"] == Sealed(SecretRef("neo4j_password", "1"))
    assert told["LOCAL_ONLY"] == "yes"


def test_an_external_neo4j_and_a_model_of_this_machine() -> None:
    model = {
        "provider": "ollama", "chat": "c", "embedding": "e", "dimensions": 768, "base_url": "http://localhost:11434/v1",
    }  # fmt: skip
    neo4j = {"mode": "external", "uri": "neo4j+s://db.example.com", "user": "ann", "password": {"env": "NEO"}}
    told = environment(deployment(model=model, neo4j=neo4j), INPUTS)
    assert (told["NEO4J_URI"], told["NEO4J_USER"]) == ("neo4j+s://db.example.com", "ann")
    assert told["MODEL_BASE_URL"] == "http://host.docker.internal:11434/v1"
    assert told["MODEL_API"] == "chat-completions"
    assert names_host(told)
    assert not names_host(environment(deployment(), INPUTS))
