"""A question to a cloud as a transient step: it gets what every step gets, retries and classified errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from memdeploy.engine.step import Observed, Outputs, Run, State, Step


class Question:
    """`ask` reads, through the run that it is given, and returns the outputs."""

    def __init__(self, kind: str, ask: Callable[[Run], Outputs]) -> None:
        self.kind = kind
        self._ask = ask

    def probe(self, run: Run) -> Observed:
        return Observed(State.PRESENT, outputs=self.ensure(run))

    def ensure(self, run: Run) -> Outputs:
        return self._ask(run)

    def remove(self, run: Run) -> None:
        """Nothing was made."""


def question(name: str, title: str, ask: Callable[[Run], Outputs]) -> Step:
    resource: Any = Question(name, ask)
    return Step(name, resource, title=title, transient=True)


def moment(made: datetime | None) -> str:
    """As `Trace.since` has it."""
    return made.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if made else ""
