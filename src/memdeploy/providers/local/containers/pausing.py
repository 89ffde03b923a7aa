"""MemMachine at rest while its databases are copied or replaced, and back again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.errors import StepFailed
from memdeploy.providers.local.containers import found as looking
from memdeploy.providers.local.containers import once, verbs
from memdeploy.providers.local.containers.found import RUNNING, Found
from memdeploy.providers.local.scope import Scope

Live = tuple[Found, ...]


class Pausing:
    """Base of the two. `role` is the service's; a copy that did not end may have left a database at rest (Neo4j, which
    it reads then), and the container that read it."""

    def __init__(self, scope: Scope, role: str, databases: Sequence[str]) -> None:
        self.scope = scope
        self.role = role
        self.databases = tuple(databases)

    def probe(self, run: Run) -> Observed:
        return Observed(State.ABSENT)

    def remove(self, run: Run) -> None:
        """There is nothing to remove."""

    def _wake_databases(self, run: Run) -> None:
        once.sweep(run, self.scope)
        for role in self.databases:
            wake(run, self.scope, role)


class Stop(Pausing):
    """The service is asked to end what it does, and its databases answer. Outputs: `stopped`, how many containers."""

    kind = "local.stop"

    def ensure(self, run: Run) -> Outputs:
        stopped = stop(run, self.scope, self.role)
        self._wake_databases(run)
        return {"stopped": stopped}


class Start(Pausing):
    """Outputs: `started`, how many answer."""

    kind = "local.start"

    def ensure(self, run: Run) -> Outputs:
        self._wake_databases(run)
        return {"started": start(run, self.scope, self.role)}


def stop(run: Run, scope: Scope, role: str) -> int:
    live = run.read(lambda: looking.of_role(scope, role))
    for one in live:
        if one.status in (RUNNING, "paused", "restarting"):
            run.progress(f"stopping {one.name}")
            verbs.stop(run, scope, one)
    return len(live)


def wake(run: Run, scope: Scope, role: str) -> None:
    """Starts what does not run."""
    live = run.read(lambda: looking.of_role(scope, role))
    if any(one.status != RUNNING for one in live):
        start(run, scope, role)


def start(run: Run, scope: Scope, role: str, timeout: float = 300.0) -> int:
    """Returns when all answer."""
    live = run.read(lambda: looking.of_role(scope, role))
    for one in live:
        if one.status != RUNNING:
            verbs.wake(run, scope, one)
    before = {one.name: one.restarts for one in live}
    run.progress("waiting for it to answer")
    run.until(lambda: _answering(run, scope, role, before), what=f"{role} to answer", every=0.5, timeout=timeout)
    return len(live)


def _answering(run: Run, scope: Scope, role: str, restarts: Mapping[str, int]) -> bool | None:
    live = looking.of_role(scope, role)
    for one in live:
        if one.status != RUNNING or one.restarts > restarts.get(one.name, 0):
            error = StepFailed(f"{one.name} does not stay: {one.ended()}", code="server-ended", where=run.step)
            error.details = verbs.last_words(scope, one.id)
            raise error
    return True if all(one.answers for one in live) else None
