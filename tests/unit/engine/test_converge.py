"""Read, compare, create or update, wait: what `Converging` makes of a resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from memdeploy.engine.converge import Converging
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
