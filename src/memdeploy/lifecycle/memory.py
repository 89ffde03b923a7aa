"""A ledger that forgets: for commands that look and do not change (`plan`, `status`, `verify`)."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from memdeploy.engine.ledger import StepRecord, Transition, advance


class MemoryLedger:
    """Starts from the journal's records; what a read-only run commits ends with it. Thread-safe."""

    def __init__(self, records: Mapping[str, StepRecord]) -> None:
        self._records = dict(records)
        self._lock = threading.Lock()

    def record(self, step: str) -> StepRecord:
        with self._lock:
            return self._records.get(step) or StepRecord(step)

    def commit(self, step: str, transition: Transition) -> StepRecord:
        with self._lock:
            record = advance(self._records.get(step) or StepRecord(step), transition)
            self._records[step] = record
            return record


class NoLease:
    """The guard of a run that changes nothing: there is no lease to lose."""

    def check(self) -> None:
        return
