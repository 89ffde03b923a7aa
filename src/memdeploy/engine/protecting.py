"""Asking, before the first deletion, what must not be removed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from memdeploy.engine.kit import Kit
from memdeploy.engine.scheduler import Schedule
from memdeploy.engine.step import Protected, Step
from memdeploy.engine.values import resolve
from memdeploy.errors import CloudError, ErrorKind, MemdeployError


class Protecting:
    """Reads only. Steps whose resource cannot be protected are not asked."""

    def __init__(self, kit: Kit, names: Sequence[str]) -> None:
        self._kit = kit
        self._names = [name for name in names if isinstance(kit.graph[name].resource, Protected)]
        self._lock = threading.Lock()
        self._found: dict[str, str] = {}
        self._error: MemdeployError | None = None

    def run(self) -> dict[str, str]:
        """Step -> why it must not be removed. Raises the first failure to look."""
        Schedule(
            dict.fromkeys(self._names, ()),
            self._work,
            weight=dict.fromkeys(self._names, 1.0),
            max_parallel=self._kit.options.max_parallel,
            stopped=lambda: self._kit.halt.stopped,
            skip=lambda name, because: None,
        ).run()
        if self._error is not None:
            raise self._error
        self._kit.halt.check()
        return {name: self._found[name] for name in self._names if name in self._found}

    def _work(self, name: str) -> bool:
        step = self._kit.graph[name]
        try:
            reason = self._ask(step)
        except BaseException as raised:
            with self._lock:
                self._error = self._error or self._kit.failure(step, raised)
            return False
        if reason is not None:
            with self._lock:
                self._found[name] = reason
        return True

    def _ask(self, step: Step) -> str | None:
        if not isinstance(step.resource, Protected):
            return None
        known = {need: self._kit.record(need).outputs for need in self._kit.graph.needs(step.name)}
        try:
            return step.resource.protection(self._kit.looking(step, resolve(step.inputs, known)))
        except CloudError as error:
            if error.kind in (ErrorKind.NOT_FOUND, ErrorKind.NOT_ENABLED):
                return None
            raise
