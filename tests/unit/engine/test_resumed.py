"""What a later run makes of a change that an earlier one began."""

from __future__ import annotations

from dataclasses import replace

from memdeploy.engine.operations import new_intent
from memdeploy.engine.step import OperationStatus, Run
from memdeploy.errors import ErrorKind
from tests.unit.engine.planned import DONE, OP, RUNNING, Calls, interrupted, lab_of
from tests.unit.engine.toys import cloud_error


def test_an_operation_of_an_earlier_run_is_waited_for_and_not_started_again() -> None:
    calls = Calls()
    intent = replace(new_intent("create", "thing"), operation=OP)
    lab = lab_of(lambda run: {"none": run.change("create", "thing", calls) is None}, ledger=interrupted(intent))
    lab.operations["op-1"] = [RUNNING, DONE]
    assert lab.runner.ensure().ok
    assert calls.intents == []
    assert lab.ledger.record("a").outputs == {"none": True}
    assert lab.clock.slept[0] == 1.0  # only after the first look, which is at once


def test_an_operation_the_cloud_does_not_know_puts_the_step_in_doubt() -> None:
    doubts: list[bool] = []
    calls = Calls()
    intent = replace(new_intent("create", "thing"), operation=OP)

    def ensure(run: Run) -> None:
        doubts.append(run.in_doubt)
        run.change("create", "thing", calls)

    lab = lab_of(ensure, ledger=interrupted(intent))
    lab.operations["op-1"] = [cloud_error(ErrorKind.NOT_FOUND)]
    assert lab.runner.ensure().ok
    assert doubts == [True]
    assert calls.intents[0].request_id == intent.request_id


def test_a_failed_operation_of_an_earlier_run_leaves_the_resource_to_look() -> None:
    calls = Calls()
    intent = replace(new_intent("create", "thing"), operation=OP)
    lab = lab_of(lambda run: run.change("create", "thing", calls) and None, ledger=interrupted(intent))
    lab.operations["op-1"] = [OperationStatus(done=True, error=cloud_error(ErrorKind.QUOTA))]
    assert lab.runner.ensure().ok
    assert calls.intents[0].request_id != intent.request_id


def test_an_intent_without_outcome_is_sent_again_as_it_was() -> None:
    calls = Calls()
    intent = new_intent("create", "thing")
    lab = lab_of(lambda run: run.change("create", "thing", calls) and None, ledger=interrupted(intent))
    assert lab.runner.ensure().ok
    assert calls.intents == [replace(intent, resumed=True)]
    assert lab.ledger.kinds("a") == ["Started", "IntentClosed", "Finished"]


def test_a_resumed_change_looks_for_its_trace_first() -> None:
    calls = Calls()
    intent = new_intent("add version", "s")
    ensure = lambda run: {"v": run.change("add version", "s", calls, trace=lambda i: f"of {i.token}")}  # noqa: E731
    lab = lab_of(ensure, ledger=interrupted(intent))
    assert lab.runner.ensure().ok
    assert calls.intents == []
    assert lab.ledger.record("a").outputs == {"v": f"of {intent.token}"}


def test_an_update_of_an_earlier_run_does_not_stand_for_the_one_wanted_now() -> None:
    """The run was killed while its update was under way, and the configuration was edited since."""
    calls = Calls()
    intent = replace(new_intent("update", "thing"), operation=OP)
    lab = lab_of(lambda run: run.change("update", "thing", calls) and None, ledger=interrupted(intent))
    lab.operations["op-1"] = [DONE]
    assert lab.runner.ensure().ok
    assert len(calls.intents) == 1


def test_an_update_is_never_sent_again_under_an_earlier_runs_request_id() -> None:
    """A cloud that knows the id answers with the earlier operation and does not look at what is wanted now."""
    calls = Calls()
    intent = new_intent("setMetadata", "instances/vm")
    ensure = lambda run: run.change("setMetadata", "instances/vm", calls) and None  # noqa: E731
    lab = lab_of(ensure, ledger=interrupted(intent))
    assert lab.runner.ensure().ok
    assert calls.intents[0].request_id != intent.request_id
    assert lab.ledger.kinds("a") == ["Started", "IntentOpened", "IntentClosed", "Finished"]


def test_the_failure_of_an_earlier_request_is_not_taken_for_the_answer_to_this_one() -> None:
    intent = new_intent("insert", "thing")
    calls = Calls()

    def operation(answer: object) -> None:
        if calls.intents[-1].request_id == intent.request_id:
            raise cloud_error(ErrorKind.QUOTA)

    ensure = lambda run: run.change("insert", "thing", calls, operation=operation) and None  # noqa: E731
    lab = lab_of(ensure, ledger=interrupted(intent))
    assert lab.runner.ensure().ok
    assert len(calls.intents) == 2
    assert not calls.intents[1].resumed
