"""What nobody said of a local deployment, decided once."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from memdeploy.config.local import Runtime
from memdeploy.config.model import Deployment, ModelProvider
from memdeploy.errors import Refused
from memdeploy.providers.local import settled
from memdeploy.providers.local.settled import settle


def local(**changes: Any) -> Deployment:
    return Deployment.model_validate({"provider": "local", **changes})


def born(wanted: Deployment, *, before: Deployment | None = None, key: bool = False, engine: bool = True) -> Deployment:
    return settle(wanted, before, has_key=lambda deployment: key, engine_answers=lambda: engine)


@pytest.mark.parametrize(("engine", "runtime"), [(True, Runtime.DOCKER), (False, Runtime.EMBEDDED)])
def test_containers_where_an_engine_answers_else_embedded(engine: bool, runtime: Runtime) -> None:
    assert born(local(), engine=engine).local.runtime is runtime


def test_a_named_runtime_asks_no_engine() -> None:
    def never() -> bool:
        raise AssertionError("an engine was asked for")

    chosen = settle(local(local={"runtime": "embedded"}), None, has_key=lambda deployment: False, engine_answers=never)
    assert chosen.local.runtime is Runtime.EMBEDDED


def test_what_was_decided_stays_decided() -> None:
    first = born(local())
    again = born(local(), before=first, engine=False)
    assert again.local == first.local


def test_the_first_free_port_is_taken() -> None:
    taken = settled.free_port()
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", taken))
        busy.listen()
        assert settled.free_port() > taken


def test_no_free_port_is_a_refusal_that_names_the_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        monkeypatch.setattr(settled, "PORTS", range(port, port + 1))
        with pytest.raises(Refused) as raised:
            settled.free_port()
    assert "--local-port" in str(raised.value.suggestion)


@pytest.mark.parametrize(
    ("model", "key", "provider"),
    [
        ({}, False, ModelProvider.OFFLINE),
        ({}, True, ModelProvider.OPENAI),
        ({"provider": "offline"}, True, ModelProvider.OFFLINE),
        ({"key": {"env": "MY_KEY"}}, False, ModelProvider.OPENAI),
        ({"base_url": "http://10.0.0.9:8000/v1"}, False, ModelProvider.OPENAI),
    ],
)
def test_the_toy_answers_only_when_nothing_was_said_of_a_model(
    model: dict[str, Any], key: bool, provider: ModelProvider
) -> None:
    assert born(local(model=model), key=key).model.provider is provider


def test_the_toy_has_an_embedding_of_its_own_name() -> None:
    """So that another model on the same memories is the forbidden change that it is."""
    assert born(local()).model.embedding == settled.OFFLINE


def test_a_deployment_with_a_real_model_keeps_it_without_its_key() -> None:
    before = born(local(), key=True)
    assert born(local(), before=before, key=False).model.provider is ModelProvider.OPENAI
