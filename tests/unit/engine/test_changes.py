"""Intent, call, operation, outcome: one change of one run."""

from __future__ import annotations

import pytest

from memdeploy.engine.ledger import (
    Finished,
    IntentClosed,
    IntentOpened,
    OperationNamed,
    Started,
)  # fmt: skip
from memdeploy.engine.operations import new_intent, until_next_look
from memdeploy.engine.step import Intent, OperationStatus, Outputs, Run, Step
from memdeploy.errors import CloudError, ErrorKind, Locked
from tests.unit.engine.planned import DONE, OP, RUNNING, Calls, interrupted, lab_of
from tests.unit.engine.toys import Lab, MemoryLedger, Toy, cloud_error


def test_the_intent_is_durable_before_the_call_and_the_name_before_the_wait() -> None:
    seen: list[list[str]] = []

    def call(intent: Intent) -> str:
        seen.append(lab.ledger.kinds("a"))
        return "answer"

    def ensure(run: Run) -> None:
        run.change("create", "thing", call, operation=lambda answer: OP)

    lab = lab_of(lambda run: None)
    lab = lab_of(ensure)
    lab.operations["op-1"] = [RUNNING, DONE]
    assert lab.runner.ensure().ok
    assert seen == [["Started", "IntentOpened"]]
    assert lab.ledger.kinds("a") == ["Started", "IntentOpened", "OperationNamed", "IntentClosed", "Finished"]
    assert lab.polled == ["op-1", "op-1"]


def test_the_lease_is_checked_before_every_send() -> None:
    calls = Calls(cloud_error(ErrorKind.NETWORK), cloud_error(ErrorKind.UNAVAILABLE), "made")
    lab = lab_of(lambda run: {"x": run.change("create", "thing", calls)})
    assert lab.runner.ensure().ok
    assert lab.guard.checks == 3


def test_nothing_is_sent_without_the_lease() -> None:
    calls = Calls()
    lab = lab_of(lambda run: run.change("create", "thing", calls) and None)
    lab.guard.lost = True
    assert isinstance(lab.runner.ensure().error, Locked)
    assert calls.intents == []


def test_a_repeated_send_carries_the_same_request_id() -> None:
    calls = Calls(cloud_error(ErrorKind.NETWORK), "made")
    lab_of(lambda run: run.change("create", "thing", calls) and None).runner.ensure()
    first, second = calls.intents
    assert first.request_id == second.request_id
    assert first.token == second.token


def test_after_a_lost_answer_the_trace_is_looked_for_before_sending_again() -> None:
    calls = Calls(cloud_error(ErrorKind.NETWORK))
    lab = lab_of(lambda run: {"v": run.change("add version", "s", calls, trace=lambda intent: "version 1")})
    assert lab.runner.ensure().ok
    assert len(calls.intents) == 1
    assert lab.ledger.record("a").outputs == {"v": "version 1"}


def test_without_a_trace_found_it_is_sent_again() -> None:
    calls = Calls(cloud_error(ErrorKind.NETWORK), "version 2")
    lab = lab_of(lambda run: {"v": run.change("add version", "s", calls, trace=lambda intent: None)})
    assert lab.runner.ensure().ok
    assert lab.ledger.record("a").outputs == {"v": "version 2"}


def test_a_permanent_error_stops_at_once_and_closes_the_intent() -> None:
    calls = Calls(cloud_error(ErrorKind.INVALID))
    lab = lab_of(lambda run: run.change("create", "thing", calls) and None)
    assert not lab.runner.ensure().ok
    assert len(calls.intents) == 1
    assert lab.ledger.record("a").intents == ()
    assert lab.clock.slept == []


def test_when_no_answer_ever_comes_the_intent_stays_open() -> None:
    calls = Calls(*[cloud_error(ErrorKind.NETWORK) for _ in range(50)])
    lab = lab_of(lambda run: run.change("create", "thing", calls) and None)
    result = lab.runner.ensure()
    assert result.error is not None
    assert result.error.code == "cloud-network"
    assert len(lab.ledger.record("a").intents) == 1
    assert len(calls.intents) == 8


@pytest.mark.parametrize("kind", [ErrorKind.UNAUTHENTICATED, ErrorKind.PERMISSION, ErrorKind.QUOTA])
def test_a_refusal_after_a_lost_answer_leaves_the_intent_open(kind: ErrorKind) -> None:
    """The first request may have taken effect: only the next run can see."""
    calls = Calls(cloud_error(ErrorKind.NETWORK), cloud_error(kind))
    lab = lab_of(lambda run: run.change("add version", "thing", calls, trace=lambda intent: None) and None)
    assert not lab.runner.ensure().ok
    (left,) = lab.ledger.record("a").intents
    assert [intent.id for intent in calls.intents] == [left.id, left.id]
    again = Calls()
    lab_of(lambda run: run.change("add version", "thing", again, trace=lambda intent: "made") and None,
           ledger=lab.ledger).runner.ensure()  # fmt: skip
    assert again.intents == []


def test_a_refusal_of_what_an_earlier_run_may_have_sent_leaves_the_intent_open() -> None:
    ledger = interrupted(new_intent("create", "thing"))
    lab = lab_of(lambda run: run.change("create", "thing", Calls(cloud_error(ErrorKind.QUOTA))) and None, ledger=ledger)
    assert not lab.runner.ensure().ok
    assert len(ledger.record("a").intents) == 1


@pytest.mark.parametrize("lost", [True, False])
def test_what_is_to_be_deleted_and_is_not_there_is_deleted(lost: bool) -> None:
    answers = [cloud_error(ErrorKind.NETWORK)] if lost else []
    calls = Calls(*answers, cloud_error(ErrorKind.NOT_FOUND))
    lab = lab_of(lambda run: run.change("delete", "thing", calls, operation=lambda answer: OP) and None)
    assert lab.runner.ensure().ok
    assert lab.ledger.record("a").intents == ()
    assert lab.polled == []


def test_a_conflict_is_for_the_caller() -> None:
    def ensure(run: Run) -> Outputs:
        with pytest.raises(CloudError, match="conflict"):
            run.change("create", "thing", Calls(cloud_error(ErrorKind.NETWORK), cloud_error(ErrorKind.CONFLICT)))
        return {"adopted": True}

    lab = lab_of(ensure)
    assert lab.runner.ensure().ok


def test_an_operation_that_fails_closes_the_intent() -> None:
    lab = lab_of(lambda run: run.change("create", "thing", Calls(), operation=lambda _: OP) and None)
    lab.operations["op-1"] = [OperationStatus(done=True, error=cloud_error(ErrorKind.QUOTA))]
    result = lab.runner.ensure()
    assert result.error is not None
    assert result.error.code == "cloud-quota"
    assert lab.ledger.record("a").intents == ()


def test_a_look_that_fails_says_nothing_of_the_operation() -> None:
    lab = lab_of(lambda run: run.change("create", "thing", Calls(), operation=lambda _: OP) and None)
    lab.operations["op-1"] = [cloud_error(ErrorKind.PERMISSION)]
    assert not lab.runner.ensure().ok
    (intent,) = lab.ledger.record("a").intents
    assert intent.operation == OP


def test_an_operation_that_takes_too_long_stays_open() -> None:
    lab = lab_of(lambda run: run.change("create", "thing", Calls(), operation=lambda _: OP, timeout=60) and None)
    lab.operations["op-1"] = [RUNNING]
    result = lab.runner.ensure()
    assert result.error is not None
    assert result.error.code == "timeout"
    assert lab.ledger.record("a").intents[0].operation == OP
    assert 60 <= sum(lab.clock.slept) < 75


def test_looks_come_at_growing_intervals_and_survive_an_outage() -> None:
    lab = lab_of(lambda run: run.change("create", "thing", Calls(), operation=lambda _: OP) and None)
    outage = [cloud_error(ErrorKind.NETWORK) for _ in range(12)]
    lab.operations["op-1"] = [*[RUNNING] * 12, *outage, DONE]
    assert lab.runner.ensure().ok
    assert lab.told("a").count("step-progress") == 1
    assert len(lab.polled) == 25


@pytest.mark.parametrize("length", [4.0, 20.0, 60.0, 480.0])
def test_an_end_that_others_wait_for_is_seen_soon(length: float) -> None:
    """A second, or a twentieth of what it took, and never more than three seconds late."""
    looks = [1.0]
    while looks[-1] < length:
        looks.append(looks[-1] + until_next_look(looks[-1], slack=0.0))
    assert looks[-1] - length <= min(3.0, max(1.0, length / 20))
    assert len(looks) <= 60 * length / 60


def test_what_nobody_waits_for_is_looked_at_seldom() -> None:
    assert until_next_look(1.0, slack=50.0) == 5.0
    assert until_next_look(1.0, slack=400.0) == 10.0
    lab = Lab(
        Step("slow", Toy(lambda run: run.clock.sleep(300) and None), seconds=300),
        Step("a", Toy(lambda run: run.change("create", "thing", Calls(), operation=lambda _: OP) and None), seconds=10),
    )
    lab.operations["op-1"] = [*[RUNNING] * 3, DONE]
    assert lab.runner.ensure().ok
    assert sum(lab.clock.slept) == 300 + 1 + 3 * 10


def test_notes_are_durable_and_seen_by_the_next_run() -> None:
    def ensure(run: Run) -> Outputs:
        run.note(cidr="10.71.0.0/24", gone=None)
        return {"cidr": run.notes["cidr"]}

    lab = lab_of(ensure)
    assert lab.runner.ensure().ok
    assert lab.ledger.record("a").notes == {"cidr": "10.71.0.0/24"}
    assert lab.ledger.kinds("a") == ["Started", "Noted", "Finished"]


def test_applied_fields_are_there_next_time() -> None:
    seen: list[object] = []

    def ensure(run: Run) -> Outputs:
        seen.append(run.applied)
        run.apply({"size": 3})
        return {"id": 1}

    ledger = MemoryLedger()
    for _ in range(2):
        assert lab_of(ensure, ledger=ledger).runner.ensure().ok
    assert seen == [None, {"size": 3}]


def test_outputs_that_are_not_json_fail_the_step_and_never_show_a_value() -> None:
    from memdeploy.secret import Secret

    lab = lab_of(lambda run: {"nested": [{"password": Secret("hunter2")}]})
    error = lab.runner.ensure().error
    assert error is not None
    assert "nested[0].password is a Secret" in error.message
    assert "hunter2" not in error.message


def test_the_transitions_of_a_clean_create() -> None:
    lab = lab_of(lambda run: run.change("create", "t", Calls()) and None)
    lab.runner.ensure()
    kinds = [type(transition) for _, transition in lab.ledger.transitions]
    assert kinds == [Started, IntentOpened, IntentClosed, Finished]
    assert OperationNamed not in kinds


def test_an_answer_that_is_a_failed_operation_closes_the_intent_whatever_the_failure() -> None:
    """Left open, its request id would be answered with this very failure for as long as the cloud knows it."""

    def failed(answer: object) -> None:
        raise cloud_error(ErrorKind.UNAVAILABLE)

    lab = lab_of(lambda run: run.change("insert", "thing", Calls(), operation=failed) and None)
    assert not lab.runner.ensure().ok
    assert lab.ledger.record("a").intents == ()


@pytest.mark.parametrize("earlier", [False, True])
def test_a_trace_that_cannot_be_looked_for_leaves_the_intent_open(earlier: bool) -> None:
    def trace(intent: Intent) -> None:
        raise cloud_error(ErrorKind.PERMISSION)

    calls = Calls(cloud_error(ErrorKind.NETWORK))
    ensure = lambda run: run.change("start", "job", calls, trace=trace) and None  # noqa: E731
    ledger = interrupted(new_intent("start", "job")) if earlier else None
    lab = lab_of(ensure, ledger=ledger)
    error = lab.runner.ensure().error
    assert error is not None
    assert error.code == "cloud-permission"
    assert "took effect" in error.message
    assert len(lab.ledger.record("a").intents) == 1
    assert len(calls.intents) == (0 if earlier else 1)


def test_a_trace_that_is_not_found_is_none() -> None:
    def trace(intent: Intent) -> str:
        raise cloud_error(ErrorKind.NOT_FOUND)

    calls = Calls(cloud_error(ErrorKind.NETWORK), "started")
    lab = lab_of(lambda run: {"x": run.change("start", "job", calls, trace=trace)})
    assert lab.runner.ensure().ok
    assert len(calls.intents) == 2
