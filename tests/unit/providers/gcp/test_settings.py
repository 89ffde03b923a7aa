"""How a service was configured is read off it: what it was given, the other way round."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from google.cloud import run_v2

from memdeploy.config.load import override
from memdeploy.memmachine import releases
from memdeploy.providers.gcp import health, run_container, run_service, settings
from memdeploy.providers.gcp.scope import Scope

from .bodies import CONTAINER, scope

RUN: Any = SimpleNamespace(find=lambda call: call())
BY_SOCKET = {name: value for name, value in CONTAINER.items() if name not in ("postgres_address", "postgres_authority")}
BY_SOCKET["postgres_connection"] = "proj-1:us-central1:support-memory-x7k2-sql"
WITHOUT_MACHINE = {
    name: value for name, value in CONTAINER.items() if name not in ("neo4j_address", "neo4j_certificate")
}
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "defaults": ({}, CONTAINER),
    "another model": (
        {"model": {"provider": "openai", "chat": "gpt-x", "embedding": "embed-y", "dimensions": 256,
                   "base_url": "https://llm.example.com/v1"}},
        CONTAINER,
    ),
    "another api": ({"model": {"provider": "openai", "api": "chat-completions"}}, CONTAINER),
    "bedrock": (
        {"model": {"provider": "amazon-bedrock", "chat": "c", "embedding": "e", "dimensions": 1024,
                   "region": "eu-west-1"}},
        CONTAINER,
    ),
    "offline": ({"model": {"provider": "offline"}}, CONTAINER),
    "socket": ({"postgres": {"connectivity": "connector"}}, BY_SOCKET),
    "external": ({"neo4j": {"mode": "external", "uri": "neo4j+s://db.example.com", "user": "ann"}}, WITHOUT_MACHINE),
}  # fmt: skip


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ask", lambda scope, uri, verifier: {"health": "unknown"})


def deployed(labels: dict[str, str] | None = None, **options: Any) -> Any:
    """As Cloud Run would answer: what memdeploy sends for these options, as its own message."""
    inputs = options.pop("inputs", CONTAINER)
    body = run_service.service_body(scope(**options), inputs, "/api/v2/health")
    return run_container.message(run_v2.Service, {**body, **({} if labels is None else {"labels": labels})})


def read(service: Any, **options: Any) -> dict[str, Any]:
    """By somebody whose file says no more than these options."""
    clients: Any = SimpleNamespace(run_services=lambda method, name: service)
    looking: Scope = replace(scope(**options), clients=clients)
    return dict(settings._read(looking, RUN))


@pytest.mark.parametrize("way", WAYS)
def test_what_it_was_given_is_what_is_read(way: str) -> None:
    options, inputs = WAYS[way]
    told = read(deployed(inputs=inputs, **options))
    made, wanted = override(scope().deployment, told), scope(**options).deployment
    assert made.model == wanted.model
    assert made.neo4j == wanted.neo4j
    assert made.postgres.connectivity == wanted.postgres.connectivity
    assert "release" not in told, "nobody said it"


def test_of_those_that_speak_one_protocol_the_file_knows_which() -> None:
    service = deployed(model={"provider": "openai", "base_url": "https://llm.example.com/v1"})
    assert read(service, model={"provider": "openai", "base_url": "https://other"})["model.provider"] == "openai"
    assert (
        read(service, model={"provider": "ollama", "base_url": "http://o:1/v1", "chat": "c", "embedding": "e"})[
            "model.provider"
        ]
        == "ollama"
    )
    assert read(service, **WAYS["bedrock"][0])["model.provider"] == "openai", "Bedrock's protocol is another"


def test_the_sidecars_container_is_not_taken_for_memmachines() -> None:
    service = deployed(inputs=WITHOUT_MACHINE, neo4j={"mode": "external", "uri": run_container.SIDECAR_URI})
    aside = run_v2.Container(name="neo4j", env=[run_v2.EnvVar(name="NEO4J_URI", value="bolt://elsewhere")])
    service.template.containers.insert(0, aside)
    assert read(service)["neo4j.mode"] == "sidecar"


@pytest.mark.parametrize("service", [None, deployed(labels={"memdeploy": "zzzzzzzzzzzz"}), deployed(labels={})])
def test_a_service_that_is_not_there_or_not_ours_tells_nothing(service: Any) -> None:
    run: Any = SimpleNamespace(find=lambda call: None if service is None else call())
    clients: Any = SimpleNamespace(run_services=lambda method, name: service)
    assert settings._read(replace(scope(), clients=clients), run) == {}


def test_the_front_alone_tells_no_model() -> None:
    """`up` broke off before there was anything to run."""
    body = run_service.front_body(scope(), image=CONTAINER["image"], account=CONTAINER["account"])
    assert read(run_container.message(run_v2.Service, body)) == {}


@pytest.mark.parametrize(("said", "believed"), [(next(iter(releases.RELEASES)), True), ("9.9.9", False), (None, False)])
def test_the_release_is_what_memmachine_says_where_this_version_knows_it(
    said: str | None, believed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(scope: Scope, uri: str, verifier: str) -> dict[str, Any]:
        asked.append(verifier)
        return {"version": said} if said else {"health": "unknown"}

    monkeypatch.setattr(health, "ask", ask)
    assert read(deployed()).get("release") == (said if believed else None)
    assert asked == ["support-memory-x7k2-vrf@proj-1.iam.gserviceaccount.com"]
