"""Read, compare, create or update, wait: what `Converging` makes of a resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from memdeploy.engine.converge import Condition, Converging
from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.step import Difference, Effect, Outputs, Run, State, Step
from memdeploy.errors import ErrorKind
from tests.unit.engine.toys import Lab, MemoryLedger, cloud_error


class Box(Converging[dict[str, Any]]):
    """A thing of which the test is the cloud; `errors` are raised by the next changing calls."""

    kind = "box"
    effects: ClassVar[Mapping[str, Effect]] = {"zone": Effect.REPLACE, "owner": Effect.FORBIDDEN}

    def __init__(self, live: dict[str, Any] | None, *errors: ErrorKind, **want: Any) -> None:
        self.live, self.errors, self.want = live, list(errors), want
        self.log: list[str] = []

    def describe(self) -> str:
        return "box"

    def read(self, run: Run) -> dict[str, Any] | None:
        return run.find(lambda: self.live)

    def owned(self, run: Run, live: dict[str, Any]) -> bool:
        return bool(live.get("ours", True))

    def desired(self, run: Run) -> Mapping[str, Any]:
        return self.want

    def view(self, live: dict[str, Any]) -> Mapping[str, Any]:
        return live

    def condition(self, live: dict[str, Any]) -> Condition:
        return Condition(live.get("state", State.PRESENT), reason="it hums")

    def _call(self, word: str, live: dict[str, Any] | None) -> None:
        self.log.append(word)
        if self.errors:
            raise cloud_error(self.errors.pop(0))
        self.live = live

    def create(self, run: Run) -> None:
        run.change("create", "box", lambda intent: self._call("create", dict(self.want)))

    def update(self, run: Run, live: dict[str, Any], differences: tuple[Difference, ...]) -> None:
        new = {**live, **{d.field: d.want for d in differences}}
        run.change("update", "box", lambda intent: self._call("update", new))

    def delete(self, run: Run, live: dict[str, Any]) -> None:
        run.change("delete", "box", lambda intent: self._call("delete", None))

    def outputs(self, run: Run, live: dict[str, Any]) -> Outputs:
        return {"size": live.get("size")}


def ledger() -> MemoryLedger:
    known = MemoryLedger()
    known.records["box"] = StepRecord("box", kind="box", status=Status.DONE, outputs={})
    return known


def test_absent_is_created_and_only_our_fields_are_compared() -> None:
    box = Box(None, size=1)
    assert Lab(Step("box", box)).runner.ensure().step("box").action == "created"
    assert box.log == ["create"]
    box.live = {"size": 1, "default of the server": True}
    assert Lab(Step("box", box)).runner.probe()["box"].state is State.PRESENT


def test_a_difference_is_updated_in_place() -> None:
    box = Box({"size": 1}, size=2)
    result = Lab(Step("box", box), ledger=ledger()).runner.ensure()
    assert (box.log, box.live, result.step("box").action) == (["update"], {"size": 2}, "updated")


@pytest.mark.parametrize(("errors", "ok", "log"), [(1, True, ["update"] * 2), (2, False, ["update"] * 2)])
def test_a_stale_update_is_tried_once_more_and_then_no_more(errors: int, ok: bool, log: list[str]) -> None:
    box = Box({"size": 1}, *[ErrorKind.STALE] * errors, size=2)
    assert Lab(Step("box", box), ledger=ledger()).runner.ensure().ok is ok
    assert box.log == log


@pytest.mark.parametrize(("live", "code"), [({"ours": False}, "foreign"), ({"owner": "x"}, "forbidden-change")])
def test_what_is_not_ours_or_forbidden_is_not_touched(live: dict[str, Any], code: str) -> None:
    box = Box(live, owner="y")
    error = Lab(Step("box", box)).runner.ensure().error
    assert error is not None
    assert (error.code, error.exit_code, box.log) == (code, 3, [])


@pytest.mark.parametrize(("ours", "code"), [(True, None), (False, "foreign")])
def test_what_was_there_before_our_create_is_taken_when_it_is_ours(ours: bool, code: str | None) -> None:
    """The answer to an earlier request of ours was lost, or somebody else was faster: the marker tells."""

    class Raced(Box):
        def _call(self, word: str, live: dict[str, Any] | None) -> None:
            self.live = {"size": 1, "ours": ours}
            super()._call(word, live)

    box = Raced(None, ErrorKind.CONFLICT, size=1)
    result = Lab(Step("box", box)).runner.ensure()
    assert (result.error.code if result.error else None) == code
    assert box.log == ["create"]


def test_replacement_is_never_implicit() -> None:
    box = Box({"zone": "a"}, zone="b")
    error = Lab(Step("box", box)).runner.ensure().error
    assert error is not None
    assert error.code == "replace-needed"
    assert "--replace box" in str(error.suggestion)
    assert Lab(Step("box", box), replace=frozenset({"box"})).runner.ensure().ok
    assert box.log == ["delete", "create"]


def test_removing_what_is_gone_or_foreign() -> None:
    gone = Box({"size": 1}, ErrorKind.NOT_FOUND)
    assert Lab(Step("box", gone), ledger=ledger()).runner.remove(["box"]).ok
    foreign = Box({"ours": False})
    assert Lab(Step("box", foreign), ledger=ledger()).runner.remove(["box"]).ok
    assert foreign.log == []


@pytest.mark.parametrize("live", [None, {"size": 1, "state": State.BROKEN}])
def test_what_stays_broken_is_a_failure(live: dict[str, Any] | None) -> None:
    """Be it made just now or found so: an update that went through is no proof."""
    box = Box(live, size=1)
    box.want = {"size": 1, "state": State.BROKEN}
    error = Lab(Step("box", box)).runner.ensure().error
    assert error is not None
    assert error.message == "box is not usable: it hums"
    assert error.where == "box"


def test_what_is_broken_is_brought_up_by_an_update() -> None:
    box = Box({"size": 1, "state": State.BROKEN}, size=1, state=State.PRESENT)
    assert Lab(Step("box", box), ledger=ledger()).runner.ensure().ok
    assert box.log == ["update"]


def test_what_vanishes_while_it_is_waited_for_is_not_waited_for_any_longer() -> None:
    """It was being deleted, or its making was given up and undone."""

    class Vanishing(Box):
        def read(self, run: Run) -> dict[str, Any] | None:
            found = super().read(run)
            self.live = None
            return found

    lab = Lab(Step("box", Vanishing({"state": State.PENDING})), ledger=ledger())
    error = lab.runner.ensure().error
    assert error is not None
    assert "vanished" in error.message
    assert error.retryable
    assert sum(lab.clock.slept) < 60


def test_data_is_not_replaced_even_when_asked_for() -> None:
    box = Box({"zone": "a"}, zone="b")
    error = Lab(Step("box", box, holds_data=True), replace=frozenset({"box"})).runner.ensure().error
    assert error is not None
    assert (error.code, box.log) == ("replace-needed", [])
