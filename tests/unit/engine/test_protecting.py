"""What must not be removed is asked before anything is; what is retained is put to rest when its users are gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from memdeploy.engine.ledger import OperationNamed, Status, StepRecord
from memdeploy.engine.operations import new_intent
from memdeploy.engine.step import Operation, OperationStatus, Ref, Run, Step
from memdeploy.errors import Cancelled, CloudError, ErrorKind, NotYet, StepFailed
from tests.unit.engine.toys import Lab, MemoryLedger, Toy, cloud_error


class Guarded(Toy):
    """Protected for a reason that the test gives, or with an error."""

    def __init__(self, answer: Callable[[Run], str | None]) -> None:
        super().__init__()
        self._answer = answer

    def protection(self, run: Run) -> str | None:
        return self._answer(run)


class Resting(Toy):
    """Data that is put to rest when it is kept."""

    def __init__(self, retain: Callable[[Run], Any], remove: Callable[[Run], Any] | None = None) -> None:
        super().__init__(remove=remove)
        self._retain = retain

    def retain(self, run: Run) -> None:
        self._retain(run)


def all_done(*names: str) -> MemoryLedger:
    ledger = MemoryLedger()
    ledger.records = {n: StepRecord(n, kind="toy", status=Status.DONE, outputs={"id": n}) for n in names}
    return ledger


def refusing(error: Exception) -> Callable[[Run], str | None]:
    def answer(run: Run) -> str | None:
        raise error

    return answer


def journey_of(journey: list[str], name: str, error: Exception | None = None) -> Callable[[Run], None]:
    def act(run: Run) -> None:
        journey.append(name)
        if error is not None:
            raise error

    return act


# -- protections -----------------------------------------------------------------------------------------------------


def test_only_those_asked_for_are_asked_and_only_the_protected_are_named() -> None:
    lab = Lab(
        Step("sql", Guarded(lambda run: "locked")),
        Step("vm", Guarded(lambda run: None)),
        Step("net", Toy()),
        Step("other", Guarded(lambda run: "locked too")),
    )
    assert lab.runner.protections(["sql", "vm", "net"]) == {"sql": "locked"}
    assert lab.ledger.transitions == []


def test_a_protection_is_read_with_what_the_journal_knows() -> None:
    seen: list[Mapping[str, Any]] = []
    sql = Guarded(lambda run: seen.append(run.inputs))
    Lab(
        Step("net", Toy()), Step("sql", sql, inputs={"net": Ref("net", "id")}), ledger=all_done("net")
    ).runner.protections(["sql"])
    assert seen == [{"net": "net"}]


@pytest.mark.parametrize("kind", [ErrorKind.NOT_FOUND, ErrorKind.NOT_ENABLED])
def test_what_is_not_there_is_not_protected(kind: ErrorKind) -> None:
    assert Lab(Step("sql", Guarded(refusing(cloud_error(kind))))).runner.protections(["sql"]) == {}


def test_what_cannot_be_read_is_never_taken_for_unprotected() -> None:
    lab = Lab(Step("sql", Guarded(refusing(cloud_error(ErrorKind.PERMISSION)))))
    with pytest.raises(CloudError) as caught:
        lab.runner.protections(["sql"])
    assert caught.value.where == "sql"


def test_a_cancelled_look_is_no_answer() -> None:
    lab = Lab(Step("sql", Guarded(lambda run: None)))
    lab.cancel.cancel()
    with pytest.raises(Cancelled):
        lab.runner.protections(["sql"])


def test_looking_for_protection_cannot_change() -> None:
    lab = Lab(Step("sql", Guarded(lambda run: run.change("unprotect", "sql", lambda intent: None))))
    with pytest.raises(StepFailed, match="only looked at"):
        lab.runner.protections(["sql"])


# -- retain ----------------------------------------------------------------------------------------------------------


def test_what_is_retained_rests_when_its_users_are_gone_and_its_needs_are_untouched() -> None:
    journey: list[str] = []
    lab = Lab(
        Step("net", Toy(remove=journey_of(journey, "net"))),
        Step("sql", Resting(journey_of(journey, "rest"), journey_of(journey, "remove sql")), needs=("net",)),
        Step("svc", Toy(remove=journey_of(journey, "svc")), needs=("sql",)),
        ledger=all_done("net", "sql", "svc"),
    )
    result = lab.runner.remove(["svc"], retain=["sql"])
    assert result.ok
    assert journey == ["svc", "rest"]
    assert lab.actions(result) == {"sql": "kept", "svc": "removed"}
    assert lab.ledger.record("sql").status is Status.KEPT
    assert lab.ledger.record("sql").outputs == {"id": "sql"}


def test_what_a_retained_step_needs_is_never_removed() -> None:
    journey: list[str] = []
    lab = Lab(
        Step("net", Toy(remove=journey_of(journey, "net"))),
        Step("sql", Resting(journey_of(journey, "rest")), needs=("net",)),
        ledger=all_done("net", "sql"),
    )
    result = lab.runner.remove(["net"], retain=["sql"])
    assert journey == ["rest"]
    assert lab.actions(result) == {"net": "kept", "sql": "kept"}
    assert lab.ledger.record("net").status is Status.DONE


def test_data_that_cannot_rest_is_kept_as_it_is() -> None:
    lab = Lab(Step("disk", Toy()), ledger=all_done("disk"))
    assert lab.actions(lab.runner.remove([], retain=["disk"])) == {"disk": "kept"}
    assert lab.ledger.kinds("disk") == ["Kept"]


@pytest.mark.parametrize(("error", "action"), [(StepFailed("stuck"), "kept"), (NotYet("in hours"), "pending")])
def test_what_still_has_users_is_not_put_to_rest(error: Exception, action: str) -> None:
    journey: list[str] = []
    lab = Lab(
        Step("sql", Resting(journey_of(journey, "rest"))),
        Step("svc", Toy(remove=journey_of(journey, "svc", error)), needs=("sql",)),
        ledger=all_done("sql", "svc"),
        keep_going=True,
    )
    result = lab.runner.remove(["svc"], retain=["sql"])
    assert journey == ["svc"]
    assert lab.actions(result)["sql"] == action
    assert lab.ledger.record("sql").status is Status.DONE


def test_a_failure_to_rest_is_a_failure_and_the_next_time_rests_again() -> None:
    errors: list[Exception] = [StepFailed("stuck")]

    def retain(run: Run) -> None:
        if errors:
            raise errors.pop()

    ledger = all_done("sql")
    lab = Lab(Step("sql", Resting(retain)), ledger=ledger)
    assert lab.actions(lab.runner.remove([], retain=["sql"])) == {"sql": "failed"}
    assert ledger.record("sql").status is Status.FAILED
    again = Lab(Step("sql", Resting(retain)), ledger=ledger)
    assert again.actions(again.runner.remove([], retain=["sql"])) == {"sql": "kept"}
    assert ledger.record("sql").error is None


def test_an_operation_under_way_is_waited_for_before_it_rests() -> None:
    ledger = all_done("sql")
    intent = new_intent("create", "sql")
    ledger.records["sql"] = StepRecord("sql", kind="toy", status=Status.RUNNING, intents=(intent,))
    ledger.commit("sql", OperationNamed(intent.id, Operation("toy", "op-1")))
    lab = Lab(Step("sql", Resting(lambda run: None)), ledger=ledger)
    lab.operations["op-1"] = [OperationStatus(done=False), OperationStatus(done=True)]
    assert lab.runner.remove([], retain=["sql"]).ok
    assert lab.polled == ["op-1", "op-1"]
    assert ledger.record("sql").intents == ()


def test_one_at_a_time_is_enough_to_retain_and_remove() -> None:
    journey: list[str] = []
    lab = Lab(
        Step("sql", Resting(journey_of(journey, "rest"))),
        Step("svc", Toy(remove=journey_of(journey, "svc")), needs=("sql",)),
        Step("other", Toy(remove=journey_of(journey, "other"))),
        ledger=all_done("sql", "svc", "other"),
        max_parallel=1,
    )
    assert lab.runner.remove(["svc", "other"], retain=["sql"]).ok
    assert sorted(journey) == ["other", "rest", "svc"]
