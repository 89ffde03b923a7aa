"""What is held against a journal tells a loss from what is on its way."""

from __future__ import annotations

from dataclasses import replace

from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.operations import new_intent
from memdeploy.state.journal import Journal
from tests.faults import truth

NAME = {"name": "alpha-x7k2-api"}
ACCESS = StepRecord("access", kind="run.access", identity=NAME, status=Status.DONE)
SERVICE = StepRecord("service", kind="run.service", identity=NAME, status=Status.DONE)
THING = {
    "service": "run",
    "type": "Service",
    "name": "projects/p/locations/l/services/alpha-x7k2-api",
    "state": "READY",
}


def journal(*records: StepRecord) -> Journal:
    steps = {record.name: record for record in records}
    return Journal("abcdef123456", "alpha", "x7k2", "gcp", "real", {}, {}, 1.0, 1.0, steps=steps)


def begun(record: StepRecord, verb: str) -> StepRecord:
    return replace(record, intents=(new_intent(verb, "thing"),))


def test_what_is_there_is_not_lost_and_what_is_not_is() -> None:
    assert truth.lost([journal(ACCESS, SERVICE)], [THING]) == []
    assert len(truth.lost([journal(ACCESS, SERVICE)], [])) == 2


def test_what_another_step_began_to_delete_is_not_lost() -> None:
    assert truth.lost([journal(ACCESS, begun(SERVICE, "delete"))], []) == []
    assert len(truth.lost([journal(ACCESS, begun(SERVICE, "update"))], [])) == 1
    other = replace(SERVICE, identity={"name": "beta-x7k2-api"})
    assert len(truth.lost([journal(ACCESS, begun(other, "delete"))], [])) == 1
