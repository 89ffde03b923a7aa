"""Calls whose answers are planned, and what an earlier run left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memdeploy.engine.ledger import (
    Status,
    StepRecord,
)  # fmt: skip
from memdeploy.engine.step import Intent, Operation, OperationStatus, Run, Step
from tests.unit.engine.toys import Lab, MemoryLedger, Toy

OP = Operation("toy", "op-1")


DONE = OperationStatus(done=True, response={"ok": True})


RUNNING = OperationStatus(done=False, progress="RUNNING")


def lab_of(ensure: Callable[[Run], Any], *, ledger: MemoryLedger | None = None) -> Lab:
    return Lab(Step("a", Toy(ensure)), ledger=ledger)


def interrupted(*intents: Intent) -> MemoryLedger:
    ledger = MemoryLedger()
    ledger.records["a"] = StepRecord("a", kind="toy", status=Status.RUNNING, intents=intents, attempts=1)
    return ledger


class Calls:
    """A call whose answers are planned; remembers the intents it was given."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.intents: list[Intent] = []

    def __call__(self, intent: Intent) -> object:
        self.intents.append(intent)
        answer = self.answers.pop(0) if self.answers else "made"
        if isinstance(answer, Exception):
            raise answer
        return answer
