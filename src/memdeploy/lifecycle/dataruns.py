"""Steps that carry data: run under the lease of a command, and of no further interest to the journal."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import Guard, Ledger
from memdeploy.engine.results import RunResult
from memdeploy.errors import MemdeployError
from memdeploy.lifecycle.changing import Changing
from memdeploy.lifecycle.memory import MemoryLedger, NoLease
from memdeploy.lifecycle.outcome import error_of
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.session import DEPLOYMENT, SHARED

STOP, START = "service.stop", "service.start"
DUMP, LOAD = "dump.", "load."


def run(changing: Changing, graph: Graph, names: Collection[str] | None = None) -> RunResult:
    """These steps of it, in their order, as if all others were done."""
    chosen = [step for step in graph if names is None or step.name in names]
    alone = Graph([replace(s, needs=tuple(need for need in s.needs if need in _names(chosen))) for s in chosen])
    opened = changing.session
    ledgers: dict[str, Ledger] = {DEPLOYMENT: MemoryLedger(changing.journal.steps), SHARED: MemoryLedger({})}
    guards: dict[str, Guard] = {DEPLOYMENT: changing.lease, SHARED: NoLease()}
    return opened.runner(alone, ledgers, guards).ensure({})


def must(changing: Changing, graph: Graph, names: Collection[str] | None = None) -> RunResult:
    """As `run`; raises what went wrong, and that it was stopped."""
    found = run(changing, graph, names)
    error = error_of(found, _line(changing.session.request))
    if error is not None:
        raise error
    return found


def start(changing: Changing, folder: Path) -> None:
    """The service again, also when a signal stopped the run. Raises what went wrong."""
    on = replace(changing, session=changing.session.unstopped())
    must(on, on.session.cloud.dumping(folder), {START})  # the same step as in what loads


@contextmanager
def running_again(changing: Changing, folder: Path) -> Iterator[None]:
    """What fails or is stopped in it leaves a service that runs."""
    try:
        yield
    except BaseException:
        with suppress(MemdeployError):  # what went wrong first is told
            start(changing, folder)
        raise


def _line(request: Request) -> str:
    """What to type again."""
    return f"restore {request.archive}" if request.command == "restore" else request.command


def counts(changing: Changing) -> dict[str, Any]:
    """What the databases hold, by project, read beside the service (`docker/halves.py`: `Look.line`). Raises what went
    wrong."""
    step = changing.session.cloud.tool("count")
    return dict(must(changing, Graph([step])).step(step.name).outputs or {})


def parts(graph: Graph, prefix: str) -> tuple[str, ...]:
    """The steps that dump or load one part each."""
    return tuple(step.name for step in graph if step.name.startswith(prefix))


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Projects that do not hold as many memories as before, stored and searchable, in words."""
    had, has = _by_project(before), _by_project(after)
    return [
        f"{name}: {_words(has.get(name))} instead of {_words(had.get(name))}"
        for name in sorted({*had, *has})
        if had.get(name) != has.get(name)
    ]


def _by_project(counted: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    return {one["project"]: (one["stored"], one["searchable"]) for one in counted.get("projects") or ()}


def _words(numbers: tuple[int, int] | None) -> str:
    return f"{numbers[0]} stored and {numbers[1]} searchable" if numbers else "none"


def _names(steps: Collection[Any]) -> set[str]:
    return {step.name for step in steps}
