"""An engine that repeats what it was sent, environment and all, when it refuses: nothing of it is told. The real SDK
against an engine of a few lines."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from memdeploy.engine.clock import SystemClock
from memdeploy.engine.events import Event
from memdeploy.engine.graph import Graph
from memdeploy.engine.runner import Runner
from memdeploy.engine.step import Step
from memdeploy.errors import CloudError, MemdeployError
from memdeploy.lifecycle.memory import MemoryLedger, NoLease
from memdeploy.lifecycle.result import error_entry
from memdeploy.providers.base import LogQuery
from memdeploy.providers.local.containers import logs
from memdeploy.providers.local.containers.cloud import Containers
from memdeploy.providers.local.containers.postgres import Postgres
from memdeploy.providers.local.containers.psql import psql
from memdeploy.providers.local.containers.service import Service
from memdeploy.providers.local.scope import Scope
from memdeploy.providers.local.vault import FileVault
from memdeploy.secret import Secret
from tests.contract.product import canary
from tests.support.refusing import engine, values
from tests.unit.providers.local.containers.made import scope

KEY = "c4n/ry+Key\"five'&%$ @:~?=#\\end-of-it"
VERSIONS = {name: {"secret": name, "version": "1"} for name in ("postgres_password", "neo4j_password", "model_key")}
INPUTS = {
    "image": "sha256:aa", "network": "net", "network_id": "n1", "volume": "vol", "volume_id": "v1",
    "password": VERSIONS["postgres_password"], **VERSIONS,
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Scope:
    """With a value for each of the secrets."""
    made = scope(tmp_path, model={"provider": "openai"})
    for name in VERSIONS:
        vault = FileVault(made.folder, name)
        vault.create({})
        vault._add(Secret(f"{name} {KEY}"))
    return made


@pytest.mark.parametrize("server", [Postgres, Service])
def test_a_refused_container_is_told_without_its_secrets(
    place: Scope, server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """In the error, as JSON and in the journal's record; in events; in what the SDK logs at its most talkative."""
    caplog.set_level(logging.DEBUG)
    events: list[Event] = []
    ledger = MemoryLedger({})
    with engine() as (client, sent):
        place.engine.__dict__["client"] = client
        cloud = Containers(place)
        runner = Runner(
            Graph([Step("it", server(place, "trial-x7k2-it"), inputs=INPUTS)]), {"deployment": ledger},
            {"deployment": NoLease()}, SystemClock(pace=0.01), events.append, cloud.classify, cloud.poll,
        )  # fmt: skip
        error = runner.ensure().error
    assert isinstance(error, CloudError)
    assert "invalid environment" in error.message
    assert "***" in error.message
    secrets = [
        value for body in sent for value in values(body) if "c4n/ry" in value or (len(value) == 32 and value.isalnum())
    ]
    assert secrets, "they were sent, and repeated"
    wanted = {form: name for value in (*secrets, KEY) for form, name in canary.forms("a value", value).items()}
    told = [
        json.dumps([error_entry(error), *(event.to_json() for event in events)], default=str),
        repr(ledger.record("it")),
    ]
    assert {"step-failed"} <= {str(event.kind) for event in events}
    for text in (*told, str(error), repr(error), caplog.text):
        assert canary.found(text.encode(), wanted) == []


def test_a_script_that_is_refused_is_told_without_its_password(place: Scope) -> None:
    password = "c4nary-of-a-role"
    with engine() as (client, _), pytest.raises(Exception, match="c4nary") as raised:
        psql(client, "pg", "ALTER ROLE", MEMDEPLOY_PASSWORD=Secret(password).reveal())
    told = Containers(place).classify(raised.value)  # type: ignore[arg-type]
    assert told is not None
    assert "invalid environment" in told.message
    assert password not in told.message


class Talkative:
    """The API of an engine whose container repeats its environment in its log."""

    def logs(self, container: str, **_: object) -> bytes:
        return f"2026-11-26T01:02:03Z refused: {KEY!r}\n2026-11-26T01:02:04Z and then it ended\n".encode()


@pytest.mark.parametrize("held", [True, False], ids=["in this run", "by a later run"])
def test_what_a_container_said_is_told_without_its_secrets(
    place: Scope, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memdeploy import secret
    from memdeploy.providers.local.containers import found, verbs

    monkeypatch.setattr(secret, "_held", {})
    vault = FileVault(place.folder, "key")
    vault.create({})
    vault._add(Secret(KEY))
    monkeypatch.setattr(secret, "_held", {KEY: None} if held else {})
    place.engine.__dict__["client"] = type("Client", (), {"api": Talkative()})()
    attrs = {
        "Id": "1", "Name": "/trial", "State": {"Status": "exited", "ExitCode": 1}, "Config": {"Labels": {}},
    }  # fmt: skip
    monkeypatch.setattr(found, "of_role", lambda *_: (found.Found(attrs, False),))
    assert verbs.last_words is not None
    assert "c4n/ry" in logs.read(place, LogQuery("service", limit=5))[0].text, "it is in what the engine gives"
    shown = Containers(place).logs(LogQuery("service", limit=5))
    why = Containers(place).why("service", {})
    assert isinstance(why, MemdeployError)
    for text in (*(line.text for line in shown), *why.details):
        assert "c4n" not in text
    assert why.details[-1].endswith("and then it ended")
