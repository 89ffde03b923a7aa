"""Steps that were as wanted already: one line for all that follow each other, not one each."""

from __future__ import annotations

from memdeploy.engine.events import Event, EventKind
from memdeploy.report.run import RunView
from memdeploy.report.text import clean

_NAMED = 3
#: These commands take the steps as they stand in the journal: nobody looked, so nothing is said of them.
_SILENT = ("verify",)


class Unchanged:
    """Holds back such steps until something else is to be said."""

    def __init__(self) -> None:
        self._held: list[str] = []

    def holds(self, view: RunView, event: Event) -> bool:
        """Whether this event is one of them. `view` has the event in it."""
        step = view.steps.get(event.step or "")
        found = (
            event.kind == EventKind.STEP_FINISHED
            and step is not None
            and step.started is None
            and step.action == "unchanged"
        )
        if found:
            self._held.append(clean(event.step or ""))
        return found

    def flush(self, view: RunView) -> str:
        """What was held back, as a line; empty when it is nothing."""
        held, self._held = self._held, []
        if not held or view.facts.get("command") in _SILENT:
            return ""
        return f"{len(held)} steps unchanged" if len(held) > _NAMED else f"{', '.join(held)}: unchanged"
