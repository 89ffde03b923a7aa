"""Steps that are removed: in which order, what stays because of what, and what never was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.operations import new_intent
from memdeploy.engine.step import Ref, Run, Step, Unknown
from memdeploy.errors import ErrorKind, NotYet, StepFailed
from tests.unit.engine.toys import Lab, Toy, all_done, cloud_error, done, ledger_of, raising


def removal(journey: list[str], name: str, *needs: str, error: Exception | None = None) -> Step:
    def remove(run: Run) -> None:
        journey.append(name)
        if error is not None:
            raise error

    return Step(name, Toy(remove=remove), needs=needs)


def test_what_is_recorded_and_not_seen_yet_is_looked_for_again_before_it_counts_as_removed() -> None:
    seen: list[str | None] = [None, None, "new"]
    gone: list[str] = []

    def remove(run: Run) -> None:
        found = run.find(lambda: seen.pop(0) if len(seen) > 1 else seen[0])
        if found is not None:
            gone.append(found)

    lab = Lab(Step("a", Toy(remove=remove)), ledger=all_done("a"))
    assert lab.runner.remove(["a"]).ok
    assert gone == ["new"]


def test_removal_goes_in_reverse() -> None:
    journey: list[str] = []
    steps = [removal(journey, "a"), removal(journey, "b", "a"), removal(journey, "c", "b")]
    lab = Lab(*steps, ledger=all_done("a", "b", "c"))
    result = lab.runner.remove(["a", "c", "b"])
    assert journey == ["c", "b", "a"]
    assert lab.actions(result) == {"a": "removed", "b": "removed", "c": "removed"}
    assert lab.ledger.record("a").status is Status.REMOVED


def test_a_step_outside_the_set_still_orders_those_inside() -> None:
    journey: list[str] = []
    steps = [removal(journey, "a"), removal(journey, "b", "a"), removal(journey, "c", "b")]
    Lab(*steps, ledger=all_done("a", "b", "c")).runner.remove(["a", "c"])
    assert journey == ["c", "a"]


def test_what_a_step_outlives_is_gone_first_and_holds_it_when_it_stays() -> None:
    journey: list[str] = []
    proof = Step("proof", removal(journey, "proof").resource, outlives=("base",))
    lab = Lab(proof, removal(journey, "base"), ledger=all_done("proof", "base"))
    lab.runner.remove(["proof", "base"])
    assert journey == ["base", "proof"]

    stuck = removal(journey, "base", error=StepFailed("stuck"))
    lab = Lab(proof, stuck, ledger=all_done("proof", "base"), keep_going=True)
    assert lab.actions(lab.runner.remove(["proof", "base"])) == {"proof": "kept", "base": "failed"}


def test_what_a_failed_step_needs_is_kept() -> None:
    journey: list[str] = []
    steps = [
        removal(journey, "network"),
        removal(journey, "vm", "network", error=StepFailed("stuck")),
        removal(journey, "other"),
    ]
    lab = Lab(*steps, ledger=all_done("network", "vm", "other"), keep_going=True)
    result = lab.runner.remove(["network", "vm", "other"])
    assert lab.actions(result) == {"network": "kept", "vm": "failed", "other": "removed"}
    assert lab.ledger.record("network").status is Status.DONE
    assert result.step("network").because == "vm"


def test_what_the_cloud_holds_for_hours_is_a_leftover_with_all_it_needs() -> None:
    journey: list[str] = []
    steps = [
        removal(journey, "network"),
        removal(journey, "peering", "network", error=NotYet("the producer holds it for 4 days")),
        removal(journey, "other"),
    ]
    lab = Lab(*steps, ledger=all_done("network", "peering", "other"))
    result = lab.runner.remove(["network", "peering", "other"])
    assert lab.actions(result) == {"network": "pending", "peering": "pending", "other": "removed"}
    assert lab.ledger.record("peering").status is Status.LEFTOVER
    assert isinstance(result.error, NotYet)
    assert result.error.exit_code == 11


def test_a_failure_outweighs_a_leftover() -> None:
    journey: list[str] = []
    steps = [removal(journey, "a", error=NotYet("later")), removal(journey, "b", error=StepFailed("stuck"))]
    result = Lab(*steps, ledger=all_done("a", "b"), keep_going=True, max_parallel=1).runner.remove(["a", "b"])
    assert isinstance(result.error, StepFailed)


def test_what_never_was_is_removed_silently() -> None:
    journey: list[str] = []
    lab = Lab(removal(journey, "a"))
    result = lab.runner.remove(["a"])
    assert lab.actions(result) == {"a": "unchanged"}
    assert journey == ["a"]
    assert lab.events == []
    assert lab.ledger.transitions == []


def test_transient_steps_are_not_removed() -> None:
    lab = Lab(Step("verify", Toy(remove=raising(AssertionError("no"))), transient=True))
    assert lab.runner.remove(["verify"]).steps == ()


def test_a_create_that_was_interrupted_is_waited_for_before_it_is_removed() -> None:
    """Else the thing appears after its removal, and stays."""
    answers = [None, None, "there"]
    deleted: list[str] = []

    def remove(run: Run) -> None:
        if run.find(lambda: answers.pop(0)):
            run.change("delete", "x", lambda intent: deleted.append("x"))

    record = StepRecord("a", kind="toy", status=Status.RUNNING, intents=(new_intent("create", "x"),))
    lab = Lab(Step("a", Toy(remove=remove)), ledger=ledger_of(record))
    assert lab.runner.remove(["a"]).ok
    assert deleted == ["x"]


def test_inputs_of_a_removal_come_from_the_journal() -> None:
    seen: list[Mapping[str, Any]] = []

    def remove(run: Run) -> None:
        seen.append(run.inputs)

    step = Step("b", Toy(remove=remove), inputs={"known": Ref("a", "id"), "not": Ref("a", "other")})
    Lab(Step("a", Toy()), step, ledger=ledger_of(done("a", id="1"), done("b"))).runner.remove(["b"])
    assert seen == [{"known": "1", "not": Unknown("a", "other")}]


def asks_an_api_that_is_off(run: Run) -> None:
    error = cloud_error(ErrorKind.NOT_ENABLED)

    def ask() -> None:
        raise error

    run.find(ask)


def test_behind_an_api_that_is_off_there_is_nothing_of_what_was_never_begun() -> None:
    """And nobody waits for that API. Killed before it was switched on, a deployment can be destroyed."""
    lab = Lab(Step("a", Toy(remove=asks_an_api_that_is_off)))
    before = lab.clock.boottime()
    assert lab.actions(lab.runner.remove(["a"])) == {"a": "unchanged"}
    assert lab.clock.boottime() == before


@pytest.mark.parametrize("status", [Status.RUNNING, Status.DONE])
def test_what_was_begun_may_be_behind_an_api_that_is_off(status: Status) -> None:
    record = StepRecord("a", kind="toy", status=status)
    result = Lab(Step("a", Toy(remove=asks_an_api_that_is_off)), ledger=ledger_of(record)).runner.remove(["a"])
    assert not result.ok
