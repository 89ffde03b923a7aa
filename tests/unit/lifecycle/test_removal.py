"""What destroy takes and what it keeps."""

from __future__ import annotations

from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.lifecycle.removal import removal
from tests.unit.lifecycle.toys import record, step

GRAPH = Graph(
    [
        step("check", transient=True),
        step("net", scope="shared"),
        step("apis", permanent=True),
        step("subnet", "net", "apis"),
        step("account", "apis"),
        step("password", "apis"),
        step("grant", "password", "account"),
        step("image", "account"),
        step("sql", "subnet", holds_data=True, keeps=("user", "password", "subnet", "image")),
        step("user", "sql", "password"),
        step("service", "user", "image", "grant"),
    ]
)


def records(*without: str, **changed: Status) -> dict[str, StepRecord]:
    return {s.name: record(s.name, changed.get(s.name, Status.DONE)) for s in GRAPH if s.name not in without}


def test_without_delete_data_the_data_and_what_it_needs_to_live_again_stay() -> None:
    chosen = removal(GRAPH, records(), delete_data=False)
    assert chosen.retain == ("sql",)
    assert set(chosen.keep) == {"user", "password", "subnet", "image"}
    assert set(chosen.remove) == {"account", "grant", "service"}


def test_with_delete_data_only_what_is_shared_stays() -> None:
    chosen = removal(GRAPH, records(), delete_data=True)
    assert chosen.retain == chosen.keep == ()
    assert set(chosen.remove) == {s.name for s in GRAPH} - {"check", "net", "apis"}


def test_data_that_was_never_made_keeps_nothing() -> None:
    chosen = removal(GRAPH, records("sql", "user", "service"), delete_data=False)
    assert chosen.retain == ()
    assert set(chosen.remove) == {"subnet", "account", "password", "grant", "image"}


def test_an_open_intent_counts_as_begun_whatever_the_status() -> None:
    from memdeploy.engine.step import Intent

    open_intent = record("account", Status.PENDING, intents=(Intent("1", "create", "a", "r", "t"),))
    chosen = removal(GRAPH, {"account": open_intent, "image": record("image", Status.REMOVED)}, delete_data=True)
    assert chosen.remove == ("account",)
