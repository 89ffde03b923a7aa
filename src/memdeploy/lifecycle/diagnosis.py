"""What `up` does about a failure beyond telling it: verification only says that something is wrong, and a step that
tries each part by itself can say what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from memdeploy.engine.events import EventKind
from memdeploy.engine.ledger import Noted
from memdeploy.engine.results import Action, RunResult, StepResult
from memdeploy.engine.step import Observed
from memdeploy.errors import Unhealthy
from memdeploy.lifecycle.changing import Changing, Shared


def explained(changing: Changing, shared: Shared, observed: Mapping[str, Observed], found: RunResult) -> RunResult:
    """Runs the step that names culprits once more when verification failed, unless it had just run. Its error, if any,
    takes the place of the vaguer one; without one, verification has its second chance."""
    examiner = changing.session.cloud.examiner
    if not isinstance(found.error, Unhealthy) or found.step(examiner).action is not Action.UNCHANGED:
        return found
    text = "verification failed: looking for the culprit"
    changing.session.tell(EventKind.NOTICE, text=text, level="warning")
    doubt(changing, examiner)
    known = {name: seen for name, seen in observed.items() if name != examiner}
    return _both(found, changing.runner(changing.session.graph, shared).ensure(known))


def reconsider(changing: Changing, found: RunResult) -> None:
    """A culprit that a step can put right is looked at anew by the next `up`, whatever that step remembers."""
    step = changing.session.cloud.remedies.get(found.error.code) if found.error else None
    if step is not None:
        doubt(changing, step)


def doubt(changing: Changing, step: str) -> None:
    """Forgets what the step took as settled."""
    notes = changing.journal.record(step).notes
    changing.writer.ledger().commit(step, Noted(dict.fromkeys(notes)))


def _both(first: RunResult, second: RunResult) -> RunResult:
    """The second run found most steps as the first had made them."""
    before = {step.name: step for step in first.steps}
    return replace(second, steps=tuple(_more(before.get(step.name), step) for step in second.steps))


def _more(before: StepResult | None, after: StepResult) -> StepResult:
    made = before is not None and before.error is None and before.action is not Action.SKIPPED
    return before if before is not None and made and after.action is Action.UNCHANGED else after
