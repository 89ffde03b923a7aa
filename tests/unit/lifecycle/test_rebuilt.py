"""A journal from what is there: which records it has, and what the deployment is said to be."""

from __future__ import annotations

import pytest

from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.step import Observed, Operation, State
from memdeploy.lifecycle import rebuilt
from memdeploy.state.journal import DeploymentStatus
from tests.unit.lifecycle.toys import step

EVERY = Graph(
    [
        step("preflight", transient=True),
        step("net", scope="shared"),
        step("account", identity={"name": "toys-x7k2-run"}),
        step("password"),
        step("sql", "net", holds_data=True, keeps=("password", "user")),
        step("user", "sql", "password"),
        step("service", "user", "account"),
    ]
)


def seen(**states: State) -> dict[str, Observed]:
    """Every other step is there."""
    told = {s.name: State.PRESENT for s in EVERY if not s.transient} | states
    return {name: Observed(state, outputs={"name": name}) for name, state in told.items()}


def found(**states: State) -> dict[str, StepRecord]:
    return rebuilt.at_rest(EVERY, rebuilt.records(EVERY, seen(**states), {}, "deployment"))


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.PRESENT, Status.DONE),
        (State.DIFFERENT, Status.DONE),
        (State.PENDING, Status.RUNNING),
        (State.BROKEN, Status.FAILED),
    ],
)
def test_what_is_there_has_a_record(state: State, status: Status) -> None:
    assert found(account=state)["account"].status is status


@pytest.mark.parametrize("state", [State.ABSENT, State.FOREIGN, State.UNREADABLE])
def test_what_is_not_there_or_not_ours_has_none(state: State) -> None:
    """With a record of somebody else's thing, `destroy` would take it for begun."""
    assert "account" not in found(account=state)


def test_every_state_is_one_of_these() -> None:
    """A new one has to be thought about."""
    assert set(State) == {*rebuilt._STATUS, State.ABSENT, State.FOREIGN, State.UNREADABLE}


def test_a_record_says_what_destroy_and_up_need() -> None:
    notes = {"sql": {"fresh": False}}
    records = rebuilt.records(EVERY, seen(), notes, "deployment")
    assert dict(records["account"].identity) == {"name": "toys-x7k2-run"}
    assert (records["account"].kind, records["account"].outputs) == ("toy", {"name": "account"})
    assert (records["sql"].holds_data, records["account"].holds_data) == (True, False)
    assert records["sql"].notes == {"fresh": False}
    assert not any(record.intents for record in records.values())


def test_outputs_that_nothing_tells_are_none() -> None:
    observed = {"account": Observed(State.PENDING, operation=Operation("toys", "op-1"))}
    assert rebuilt.records(EVERY, observed, {}, "deployment")["account"].outputs is None


def test_each_scope_has_its_own() -> None:
    assert set(rebuilt.records(EVERY, seen(), {}, "shared")) == {"net"}
    assert "net" not in rebuilt.records(EVERY, seen(), {}, "deployment")


# -- what the deployment is ------------------------------------------------------------------------------------------


def test_with_everything_it_is_ready() -> None:
    assert rebuilt.status(EVERY, found()) is DeploymentStatus.READY


@pytest.mark.parametrize("state", [State.ABSENT, State.BROKEN, State.FOREIGN])
def test_with_less_it_has_failed_and_up_goes_on(state: State) -> None:
    assert rebuilt.status(EVERY, found(user=state)) is DeploymentStatus.FAILED


def test_what_is_shared_and_what_makes_nothing_is_not_missed() -> None:
    records = rebuilt.records(EVERY, seen(net=State.ABSENT), {}, "deployment")
    assert rebuilt.status(EVERY, records) is DeploymentStatus.READY


def test_data_without_a_service_rests_with_all_that_it_needs_to_live_again() -> None:
    records = found(service=State.ABSENT)
    kept = {name for name, record in records.items() if record.status is Status.KEPT}
    assert kept == {"sql", "password", "user"}
    assert records["account"].status is Status.DONE, "left over; `destroy` takes it"
    assert rebuilt.status(EVERY, records) is DeploymentStatus.RETAINED


def test_without_data_nothing_rests() -> None:
    """Broken off before there was any, or after it was deleted."""
    records = found(service=State.ABSENT, sql=State.ABSENT, user=State.ABSENT)
    assert not any(record.status is Status.KEPT for record in records.values())
    assert rebuilt.status(EVERY, records) is DeploymentStatus.FAILED


def test_with_its_service_nothing_rests() -> None:
    records = found(account=State.ABSENT)
    assert {record.status for record in records.values()} == {Status.DONE}
