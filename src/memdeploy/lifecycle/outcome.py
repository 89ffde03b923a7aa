"""From what the runner says to what a command says."""

from __future__ import annotations

from memdeploy.engine.clock import Clock
from memdeploy.engine.results import Action, RunResult
from memdeploy.engine.signals import asked_to_end
from memdeploy.errors import Cancelled, ExitCode, MemdeployError, NotYet, Refused
from memdeploy.suggestions import advise


class Terminated(Cancelled):
    """Asked to stop by SIGTERM or SIGHUP."""

    exit_code = ExitCode.TERMINATED


def error_of(found: RunResult, command: str) -> MemdeployError | None:
    """The one error of a run: its first failure, else that it was stopped. It says what to do next, whatever it is."""
    if found.error is not None and not isinstance(found.error, Cancelled):
        return _with_way_out(found.error, command)
    if found.cancelled is None:
        return found.error
    kind = Terminated if asked_to_end(found.cancelled) else Cancelled
    return kind(
        "stopped before the end; what was under way is recorded",
        code="interrupted",
        suggestion=_again(command),
    )


def _with_way_out(error: MemdeployError, command: str) -> MemdeployError:
    """Where nobody knew better, not the table of suggestions either: what holds for every failed run."""
    known = error.suggestion is not None or isinstance(error, NotYet | Refused) or advise(error.message) is not None
    if not known:
        error.suggestion = _again(command) if error.retryable else f"Put the cause right. {_again(command)}"
    return error


def _again(command: str) -> str:
    return f"Run `memdeploy {command}` again: it goes on from there."


def removed(found: RunResult) -> list[str]:
    return [step.name for step in found.steps if step.action is Action.REMOVED]


def leftovers(found: RunResult) -> list[dict[str, str]]:
    """What the cloud holds on to, and what waits for that."""
    return [
        {"what": step.name, "reason": step.error.message if step.error else f"waits for {step.because}"}
        for step in found.steps
        if step.action is Action.PENDING
    ]


def seconds_since(clock: Clock, start: float) -> float:
    return round(clock.boottime() - start, 2)
