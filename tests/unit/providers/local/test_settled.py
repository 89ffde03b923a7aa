"""What nobody said of a local deployment, decided once."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from memdeploy.config.local import Runtime
from memdeploy.config.model import Deployment, ModelProvider
from memdeploy.engine.step import Effect
from memdeploy.errors import Refused
from memdeploy.lifecycle.configuration import forbidden
from memdeploy.providers.local import ports
from memdeploy.providers.local.settled import settle
from tests.unit.lifecycle.toys import journal


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


@pytest.mark.parametrize("stands", [False, True])
def test_a_port_that_somebody_else_took_is_left_to_them_until_it_is_known(stands: bool) -> None:
    first = born(local())
    with listening(first.local.port or 0):
        again = settle(local(), first, has_key=lambda deployment: False, engine_answers=lambda: True, stands=stands)
        assert (again.local.port == first.local.port) is stands
        assert born(local()).local.port != first.local.port


def test_no_free_port_is_a_refusal_that_names_the_flag() -> None:
    with pytest.raises(Refused) as raised:
        ports.free(range(65000, 65536), after=65400)
    assert "--local-port" in str(raised.value.suggestion)


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", port))
        busy.listen()
        yield


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
    toy = born(local())
    assert toy.model.embedding not in ("", born(local(), key=True).model.embedding)
    (change,) = forbidden(journal(configuration=toy), born(local(), key=True))
    assert (change.field, change.effect) == ("model.embedding", Effect.FORBIDDEN)


def test_a_deployment_with_a_real_model_keeps_it_without_its_key() -> None:
    before = born(local(), key=True)
    assert born(local(), before=before, key=False).model.provider is ModelProvider.OPENAI
