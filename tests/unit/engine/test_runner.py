"""What probe, ensure and remove make of what they see, and what flows from step to step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from memdeploy.engine.events import EventKind
from memdeploy.engine.ledger import Kept, Status, StepRecord
from memdeploy.engine.operations import new_intent
from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Ref, Run, State, Step, Unknown
from memdeploy.errors import ErrorKind, StepFailed
from memdeploy.secret import Secret
from tests.unit.engine.toys import Lab, MemoryLedger, Toy, all_done, cloud_error, done, ledger_of, raising


def present(**outputs: Any) -> Callable[[Run], Observed]:
    return lambda run: Observed(State.PRESENT, outputs=outputs)


def never(run: Run) -> Outputs:
    raise AssertionError("must not be called")


def test_outputs_flow_into_inputs_however_deep() -> None:
    seen: list[Mapping[str, Any]] = []

    def second(run: Run) -> None:
        seen.append(run.inputs)

    inputs = {"env": [{"name": "HOST", "value": Ref("sql", "address")}], "fixed": 3}
    lab = Lab(Step("sql", Toy(lambda run: {"address": "10.0.0.3"})), Step("svc", Toy(second), inputs=inputs))
    assert lab.runner.ensure().ok
    assert seen == [{"env": [{"name": "HOST", "value": "10.0.0.3"}], "fixed": 3}]


def test_an_output_that_was_not_given_is_named() -> None:
    lab = Lab(Step("sql", Toy()), Step("svc", Toy(never), inputs={"x": Ref("sql", "address")}))
    error = lab.runner.ensure().error
    assert error is not None
    assert error.message == "step sql gave no output 'address'"
    assert error.where == "svc"


def test_a_probe_reads_with_what_is_known() -> None:
    seen: dict[str, Any] = {}

    def look(name: str, state: State, **outputs: Any) -> Toy:
        def probe(run: Run) -> Observed:
            seen[name] = dict(run.inputs)
            return Observed(state, outputs=outputs or None)

        return Toy(never, probe=probe)

    lab = Lab(
        Step("net", look("net", State.PRESENT, link="n")),
        Step("sql", look("sql", State.ABSENT), inputs={"net": Ref("net", "link")}),
        Step("vm", look("vm", State.BROKEN)),
        Step("svc", look("svc", State.ABSENT), inputs={"sql": Ref("sql", "address"), "vm": Ref("vm", "ip")}),
        ledger=ledger_of(done("vm", ip="10.0.0.9"), done("sql", address="old")),
    )
    observed = lab.runner.probe()
    assert seen["sql"] == {"net": "n"}
    assert seen["svc"] == {"sql": Unknown("sql", "address"), "vm": "10.0.0.9"}
    assert observed["svc"].unknown == (Unknown("sql", "address"),)
    assert lab.ledger.transitions == []


def test_what_will_be_replaced_is_unknown() -> None:
    difference = Difference("machine", "a", "b", Effect.REPLACE)
    vm = Toy(probe=lambda run: Observed(State.DIFFERENT, (difference,), outputs={"id": "old"}))
    steps = (Step("vm", vm), Step("svc", Toy(probe=present()), inputs={"vm": Ref("vm", "id")}))
    assert Lab(*steps).runner.probe()["svc"].unknown == ()
    assert Lab(*steps, replace=frozenset({"vm"})).runner.probe()["svc"].unknown == (Unknown("vm", "id"),)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (ErrorKind.NOT_ENABLED, State.ABSENT),
        (ErrorKind.NOT_FOUND, State.ABSENT),
        (ErrorKind.PERMISSION, State.UNREADABLE),
    ],
)
def test_an_error_that_is_an_answer(kind: ErrorKind, state: State) -> None:
    seen = Lab(Step("a", Toy(probe=raising(cloud_error(kind))))).runner.probe()["a"]
    assert seen.state is state
    assert seen.reason == f"the cloud says {kind}"


def test_what_a_difference_will_change_is_unknown_to_those_that_take_it() -> None:
    def image(run: Run) -> Observed:
        difference = Difference("image", "old", "new", Effect.IN_PLACE)
        outputs = {"reference": "old", "source": "pypi"}
        return Observed(State.DIFFERENT, (difference,), outputs=outputs, changing=("reference",))

    seen: list[Mapping[str, Any]] = []

    def service(run: Run) -> Observed:
        seen.append(dict(run.inputs))
        return Observed(State.PRESENT, outputs={})

    taken = {"image": Ref("image", "reference"), "source": Ref("image", "source")}
    lab = Lab(
        Step("image", Toy(never, probe=image)),
        Step("svc", Toy(never, probe=service), inputs=taken),
        ledger=ledger_of(done("image", reference="old", source="pypi")),
    )
    observed = lab.runner.probe()
    assert seen == [{"image": Unknown("image", "reference"), "source": "pypi"}]
    assert observed["svc"].unknown == (Unknown("image", "reference"),)


def test_any_other_error_of_a_probe_is_raised_with_its_place() -> None:
    lab = Lab(Step("a", Toy(probe=raising(cloud_error(ErrorKind.UNAUTHENTICATED)))))
    with pytest.raises(Exception, match="unauthenticated") as caught:
        lab.runner.probe()
    assert caught.value.where == "a"  # type: ignore[attr-defined]


def test_transient_steps_are_not_probed() -> None:
    lab = Lab(Step("preflight", Toy(probe=lambda run: never(run) and None), transient=True), Step("a", Toy()))  # type: ignore[arg-type,return-value]
    assert list(lab.runner.probe()) == ["a"]


def test_a_probe_cannot_change() -> None:
    def probe(run: Run) -> Observed:
        run.change("create", "x", lambda intent: None)
        return Observed(State.PRESENT)

    with pytest.raises(StepFailed, match="only looked at"):
        Lab(Step("a", Toy(probe=probe))).runner.probe()


def test_what_is_right_already_makes_no_request_and_no_record() -> None:
    lab = Lab(Step("a", Toy(never, probe=present(id="1"))), ledger=ledger_of(done("a", id="1")))
    result = lab.runner.ensure(lab.runner.probe())
    assert lab.actions(result) == {"a": "unchanged"}
    assert lab.ledger.transitions == []
    assert lab.told("a") == ["step-finished"]


def test_outputs_that_changed_are_journalled() -> None:
    lab = Lab(Step("a", Toy(never, probe=present(id="2"))), ledger=ledger_of(done("a", id="1")))
    lab.runner.ensure(lab.runner.probe())
    assert lab.ledger.record("a").outputs == {"id": "2"}


def test_what_is_ours_but_not_in_the_journal_is_adopted() -> None:
    lab = Lab(Step("a", Toy(never, probe=present(id="1")), identity={"region": "r"}))
    result = lab.runner.ensure(lab.runner.probe())
    assert lab.actions(result) == {"a": "adopted"}
    record = lab.ledger.record("a")
    assert (record.status, record.kind, record.identity) == (Status.DONE, "toy", {"region": "r"})


@pytest.mark.parametrize("status", [Status.RUNNING, Status.FAILED])
def test_what_was_half_done_is_ensured_though_it_looks_right(status: Status) -> None:
    calls: list[str] = []
    ledger = ledger_of(StepRecord("a", kind="toy", status=status))
    lab = Lab(Step("a", Toy(lambda run: calls.append("ensure"), probe=present())), ledger=ledger)
    lab.runner.ensure(lab.runner.probe())
    assert calls == ["ensure"]


def test_an_open_intent_is_never_left_alone() -> None:
    calls: list[bool] = []
    record = StepRecord("a", status=Status.DONE, intents=(new_intent("create", "x"),), outputs={})
    lab = Lab(Step("a", Toy(lambda run: calls.append(run.in_doubt), probe=present())), ledger=ledger_of(record))
    lab.runner.ensure(lab.runner.probe())
    assert calls == [True]


def test_a_step_is_ensured_when_what_it_takes_has_changed_since_it_was_probed() -> None:
    given: list[Mapping[str, Any]] = []
    address = Toy(lambda run: {"ip": "10.0.0.2"}, probe=lambda run: Observed(State.BROKEN))
    service = Toy(lambda run: given.append(run.inputs), probe=present())
    lab = Lab(
        Step("address", address),
        Step("svc", service, inputs={"ip": Ref("address", "ip")}),
        ledger=ledger_of(done("address", ip="10.0.0.1"), done("svc")),
    )
    lab.runner.ensure(lab.runner.probe())
    assert given == [{"ip": "10.0.0.2"}]


@pytest.mark.parametrize("verb", ["create", "insert"])
def test_a_step_is_ensured_when_what_it_stands_in_was_made_anew(verb: str) -> None:
    """An instance that was made again has lost the database that was seen in it."""
    calls: list[str] = []

    def make(run: Run) -> Outputs:
        run.change(verb, "instance", lambda intent: "made")
        return {"name": "i"}

    lab = Lab(
        Step("instance", Toy(make, probe=lambda run: Observed(State.DIFFERENT, outputs={"name": "i"}))),
        Step("database", Toy(lambda run: calls.append("made"), probe=present()), needs=("instance",)),
        ledger=ledger_of(done("instance", name="i"), done("database")),
    )
    lab.runner.ensure(lab.runner.probe())
    assert calls == ["made"]


def test_transient_steps_run_every_time_and_their_outputs_count() -> None:
    runs: list[int] = []

    def preflight(run: Run) -> Outputs:
        runs.append(1)
        return {"number": 7}

    steps = (
        Step("preflight", Toy(preflight), transient=True),
        Step("a", Toy(probe=present()), inputs={"n": Ref("preflight", "number")}),
    )
    ledger = MemoryLedger()
    for _ in range(2):
        lab = Lab(*steps, ledger=ledger)
        result = lab.runner.ensure(lab.runner.probe())
    assert len(runs) == 2
    assert lab.actions(result) == {"preflight": "unchanged", "a": "unchanged"}


def test_actions_created_and_updated() -> None:
    ensure = lambda run: run.change("update", "x", lambda intent: "x") and None  # noqa: E731
    fresh = Lab(Step("a", Toy(ensure)))
    assert fresh.actions(fresh.runner.ensure()) == {"a": "created"}
    again = Lab(Step("a", Toy(ensure)), ledger=ledger_of(done("a")))
    assert again.actions(again.runner.ensure()) == {"a": "updated"}


def test_a_summary_is_asked_of_the_resource_and_cannot_fail_the_step() -> None:
    class Wordy(Toy):
        def summary(self, outputs: Outputs) -> str:
            return f"at {outputs['ip']}"

    good = Lab(Step("a", Wordy(lambda run: {"ip": "10.0.0.2"}))).runner.ensure()
    assert good.step("a").summary == "at 10.0.0.2"
    assert Lab(Step("a", Wordy())).runner.ensure().ok


def test_a_kept_step_is_attached_again() -> None:
    ledger = all_done("disk")
    ledger.commit("disk", Kept())
    lab = Lab(Step("disk", Toy(never, probe=present(id="d"))), ledger=ledger)
    assert lab.actions(lab.runner.ensure(lab.runner.probe())) == {"disk": "adopted"}


def test_progress_that_is_no_news_is_not_told_again() -> None:
    def boots(run: Run) -> None:
        for phase in ("disk", "disk", "running", "running", "disk"):
            run.progress(phase)

    lab = Lab(Step("vm", Toy(boots)))
    assert lab.runner.ensure().ok
    assert [event.data["text"] for event in lab.events if event.kind is EventKind.STEP_PROGRESS] == [
        "disk",
        "running",
        "disk",
    ]


def test_a_kept_step_that_is_woken_was_not_made() -> None:
    ledger = all_done("database")
    ledger.commit("database", Kept())

    def wake(run: Run) -> Outputs:
        run.change("update", "database", lambda intent: None)
        return {"id": "d"}

    stopped = Difference("running", False, True, Effect.IN_PLACE)
    resting = Observed(State.DIFFERENT, (stopped,), outputs={"id": "d"})
    lab = Lab(Step("database", Toy(wake, probe=lambda run: resting)), ledger=ledger)
    assert lab.actions(lab.runner.ensure(lab.runner.probe())) == {"database": "updated"}


def test_what_nobody_foresaw_is_told_without_the_secret_that_it_quotes() -> None:
    """As `http.client` does of a header's value; and it goes into the journal and the events."""
    key = Secret("c4nary-key\nof two lines")

    def refuses(run: Run) -> None:
        raise ValueError(f"Invalid header value {'Bearer ' + key.reveal()!r}")

    lab = Lab(Step("svc", Toy(refuses)))
    error = lab.runner.ensure().error
    assert error is not None
    assert error.message == "unexpected ValueError: Invalid header value 'Bearer ***'"
    assert "c4nary" not in str(lab.ledger.records) + str(lab.events)
