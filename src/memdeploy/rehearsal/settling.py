"""Ends operations whose time has come, before anybody looks. See `operations.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.operations import Finisher, Operation, Outcome, save

LOOK_EVERY = 0.2
"Real seconds between two looks at the backing for one operation."
CREATES = frozenset({"insert", "create", "CREATE"})

FindFinisher = Callable[[str, str], Finisher | None]
"(service, finisher's name) -> the finisher."


class Settler:
    """Remembers, for this process only, when it last asked the backing about an operation that is overdue."""

    def __init__(self, finisher: FindFinisher) -> None:
        self._finisher = finisher
        self._looked: dict[tuple[str, str], float] = {}

    def settle(self, cloud: Cloud, *, patiently: bool = True) -> int:
        """Ends what is due; returns how many still wait for the backing. Inside a transaction."""
        waiting = 0
        for record in cloud.store.due_operations(cloud.now):
            operation = Operation(**record)
            key = (operation.service, operation.name)
            if patiently and cloud.now < self._looked.get(key, 0.0) + LOOK_EVERY:
                waiting += 1
                continue
            outcome = self._outcome(cloud, operation)
            if outcome.done:
                self._looked.pop(key, None)
                _end(cloud, operation, outcome)
            else:
                waiting += 1
                self._looked[key] = cloud.now
        return waiting

    def _outcome(self, cloud: Cloud, operation: Operation) -> Outcome:
        if operation.planned_error is not None:
            return self._fail(cloud, operation)
        if not operation.finisher:
            return Outcome(response=operation.response)
        finisher = self._finisher(operation.service, operation.finisher)
        if finisher is None:
            raise LookupError(f"{operation.service} has no finisher {operation.finisher!r}")
        return finisher(cloud, operation)

    def _fail(self, cloud: Cloud, operation: Operation) -> Outcome:
        """`fail.<name>` when the rules say what stays behind; otherwise a failed creation leaves nothing."""
        finisher = self._finisher(operation.service, f"fail.{operation.finisher}")
        if finisher is not None:
            finisher(cloud, operation)
        elif operation.kind in CREATES:
            cloud.store.delete(operation.service, operation.target)
        return Outcome(error=operation.planned_error)


def _end(cloud: Cloud, operation: Operation, outcome: Outcome) -> None:
    ended = replace(
        operation,
        ended=cloud.now,
        response=dict(outcome.response) if outcome.response is not None else operation.response,
        error=dict(outcome.error) if outcome.error is not None else None,
    )
    save(cloud, ended)
