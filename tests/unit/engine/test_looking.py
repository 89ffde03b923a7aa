"""What a look at the cloud may believe: not found, in doubt or not."""

from __future__ import annotations

from dataclasses import replace

from memdeploy.engine.ledger import (
    Status,
)  # fmt: skip
from memdeploy.engine.operations import new_intent
from memdeploy.engine.step import Outputs, Run, Step
from memdeploy.errors import CloudError, ErrorKind
from tests.unit.engine.planned import DONE, OP, Calls, interrupted, lab_of
from tests.unit.engine.toys import Lab, Toy, cloud_error


def test_in_doubt_not_found_is_asked_again() -> None:
    answers = [None, None, "there"]
    lab = lab_of(lambda run: {"x": run.find(lambda: answers.pop(0))}, ledger=interrupted(new_intent("create", "t")))
    assert lab.runner.ensure().ok
    assert lab.ledger.record("a").outputs == {"x": "there"}


def test_the_grace_window_ends() -> None:
    def missing() -> str:
        raise cloud_error(ErrorKind.NOT_FOUND)

    lab = lab_of(lambda run: {"x": run.find(missing)}, ledger=interrupted(new_intent("create", "t")))
    assert lab.runner.ensure().ok
    assert sum(lab.clock.slept) == 30


def test_without_doubt_not_found_is_an_answer_at_once() -> None:
    lab = lab_of(lambda run: {"x": run.find(lambda: None)})
    assert lab.runner.ensure().ok
    assert lab.clock.slept == []


def test_forbidden_is_not_absent() -> None:
    """Who may not look knows nothing: taking it for absent would make the thing a second time."""

    def forbidden() -> str:
        raise cloud_error(ErrorKind.PERMISSION)

    lab = lab_of(lambda run: {"x": run.find(forbidden)})
    error = lab.runner.ensure().error
    assert isinstance(error, CloudError)
    assert error.kind is ErrorKind.PERMISSION


def test_after_a_delete_not_found_is_an_answer_at_once() -> None:
    def ensure(run: Run) -> Outputs:
        run.change("delete", "t", Calls())
        return {"x": run.find(lambda: None)}

    lab = lab_of(ensure, ledger=interrupted(new_intent("delete", "t")))
    assert lab.runner.ensure().ok
    assert lab.clock.slept == []


def test_right_after_a_create_not_found_is_asked_again() -> None:
    answers = [None, "there"]

    def ensure(run: Run) -> Outputs:
        run.change("create", "t", Calls())
        return {"x": run.find(lambda: answers.pop(0))}

    lab = lab_of(ensure)
    assert lab.runner.ensure().ok
    assert lab.clock.slept == [1.0, 1.0]


def test_a_429_holds_back_every_caller_of_that_api() -> None:
    """`b` may only get through once the back-off that `a` was given is over."""
    import threading

    refused, log = threading.Event(), []

    def a_reads() -> str:
        log.append("a")
        if log.count("a") == 1:
            refused.set()
            raise cloud_error(ErrorKind.RATE_LIMIT, "sql")
        return "a"

    def b(run: Run) -> Outputs:
        assert refused.wait(10)
        while not lab.clock.slept:
            pass
        run.read(lambda: log.append(f"b after {sum(lab.clock.slept):.1f}"))
        return {}

    class Sql(Toy):
        service = "sql"

    lab = Lab()
    lab = Lab(Step("a", Sql(lambda run: {"x": run.read(a_reads)})), Step("b", Sql(b)))
    assert lab.runner.ensure().ok
    assert all(float(entry.split()[-1]) >= 2.0 for entry in log if entry.startswith("b"))


def test_after_a_delete_that_an_earlier_run_began_not_found_is_an_answer_at_once() -> None:
    intent = replace(new_intent("delete", "t"), operation=OP)
    ledger = interrupted(intent)
    ledger.records["a"] = replace(ledger.records["a"], status=Status.DONE)
    lab = lab_of(lambda run: {"x": run.find(lambda: None)}, ledger=ledger)
    lab.operations["op-1"] = [DONE]
    assert lab.runner.ensure().ok
    assert lab.clock.slept == []
