"""Looking at every step, in parallel, changing nothing: what `plan` and `status` are made from."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memdeploy.engine.kit import Kit
from memdeploy.engine.ledger import Noted, StepRecord
from memdeploy.engine.scheduler import Schedule
from memdeploy.engine.step import Effect, Observed, Outputs, Recoverable, State, Step, unknowns
from memdeploy.engine.values import plain, resolve
from memdeploy.errors import CloudError, ErrorKind, MemdeployError


class Probing:
    """`recovering`: the journal was lost; what a step would have noted is read off what is there, before it is looked
    at, and committed to the ledger (one that forgets)."""

    def __init__(self, kit: Kit, *, recovering: bool = False) -> None:
        self._kit = kit
        self._recovering = recovering
        self._lock = threading.Lock()
        self._observed: dict[str, Observed] = {}
        self._error: MemdeployError | None = None

    def run(self) -> dict[str, Observed]:
        """By name, in the order of the graph; transient steps are not looked at. Raises the first failure."""
        graph = self._kit.graph
        Schedule(
            {name: graph.needs(name) for name in graph.order()},
            self._work,
            weight=dict.fromkeys(graph.order(), 1.0),
            max_parallel=self._kit.options.max_parallel,
            stopped=lambda: self._kit.halt.stopped,
            skip=lambda name, because: None,
        ).run()
        if self._error is not None:
            raise self._error
        self._kit.halt.check()
        return {name: self._observed[name] for name in graph.order() if name in self._observed}

    def _work(self, name: str) -> bool:
        step = self._kit.graph[name]
        if step.transient:
            return True
        try:
            seen = self._look(step)
        except BaseException as raised:
            self._fail(step, raised)
            return False
        with self._lock:
            self._observed[name] = seen
        return True

    def _look(self, step: Step) -> Observed:
        with self._lock:
            inputs = probed_inputs(self._kit, step, self._observed)
        missing = tuple(dict.fromkeys(unknowns(inputs)))
        try:
            if self._recovering and isinstance(step.resource, Recoverable):
                notes = step.resource.recovered(self._kit.looking(step, inputs))
                self._kit.ledger(step).commit(step.name, Noted(plain(notes, "note")))
            seen = step.resource.probe(self._kit.looking(step, inputs))
        except CloudError as error:
            seen = _as_state(error)
        if missing and not seen.unknown:
            return replace(seen, unknown=missing)
        return seen

    def _fail(self, step: Step, raised: BaseException) -> None:
        error = self._kit.failure(step, raised)
        with self._lock:
            if not self._kit.halt.stopped:
                self._error = error
                self._kit.halt.stop(step.name)


def probed_inputs(kit: Kit, step: Step, observed: Mapping[str, Observed]) -> dict[str, Any]:
    """The step's inputs as far as they are known before anything is changed."""
    known = {need: _known(kit, need, observed.get(need)) for need in kit.graph.needs(step.name)}
    resolved: dict[str, Any] = resolve(step.inputs, known)
    return resolved


def _known(kit: Kit, name: str, seen: Observed | None) -> Outputs | None:
    """What was seen; else what the journal says of it. What is absent, or to be replaced, will be another."""
    if seen is not None and (seen.state is State.ABSENT or _replaced(kit, name, seen)):
        return None
    if seen is not None and seen.state in (State.PRESENT, State.DIFFERENT):
        outputs = seen_outputs(kit.record(name), seen)
        return {key: value for key, value in outputs.items() if key not in seen.changing}
    return kit.record(name).outputs


def seen_outputs(record: StepRecord, seen: Observed) -> dict[str, Any]:
    """What a probe saw, and of the rest what the journal says: one read may not show every output."""
    outputs: dict[str, Any] = plain(seen.outputs or {}, "outputs")
    return {**(record.outputs or {}), **outputs}


def _replaced(kit: Kit, name: str, seen: Observed) -> bool:
    return name in kit.options.replace and any(d.effect is Effect.REPLACE for d in seen.differences)


def _as_state(error: CloudError) -> Observed:
    """An answer that says what is there, though it is an error."""
    match error.kind:
        case ErrorKind.NOT_ENABLED | ErrorKind.NOT_FOUND:
            return Observed(State.ABSENT, reason=error.message)
        case ErrorKind.PERMISSION:
            return Observed(State.UNREADABLE, reason=error.message)
        case _:
            raise error
