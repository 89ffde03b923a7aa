"""One or several like containers that stay: made, compared, made anew when they differ, started when they do not run.

None holds data: that is in volumes. So a container that differs is removed and made again (`restart`, with its outage).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from memdeploy.engine.converge import Condition, Converging
from memdeploy.engine.step import Difference, Effect, Outputs, Run, State, unknowns
from memdeploy.errors import MemdeployError, StepFailed
from memdeploy.memmachine import exits
from memdeploy.providers.local.containers import found as looking
from memdeploy.providers.local.containers import verbs
from memdeploy.providers.local.containers.found import RUNNING, Found
from memdeploy.providers.local.containers.spec import Spec, wanted
from memdeploy.providers.local.scope import Scope

Live = tuple[Found, ...]
ANEW = ("image", "settings", "memory_mb", "cpus", "restart", "port")


class Server(Converging[Live]):
    """Outputs are the subclass's. `role` labels its containers."""

    service = "engine"
    role: ClassVar[str]
    title: ClassVar[str]
    seconds: ClassVar[float] = 240.0
    "Until it must answer."
    every: ClassVar[float] = 0.5
    "Seconds between two questions whether it does: each is a process in it."
    effects: ClassVar[Mapping[str, Effect]] = dict.fromkeys(ANEW, Effect.RESTART)

    def __init__(self, scope: Scope, name: str) -> None:
        self.scope = scope
        self.name = name

    # -- what a server says of itself --------------------------------------------------------------------------------

    @abstractmethod
    def specs(self, run: Run) -> Sequence[Spec]:
        """All inputs are known."""

    def count(self) -> int:
        return 1

    def choose(self, run: Run) -> None:
        """Notes what has to be decided before anything is made."""

    # -- Converging --------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        return f"container {self.name}"

    def names(self) -> list[str]:
        return [self.name, *(f"{self.name}-{number}" for number in range(2, self.count() + 1))]

    def read(self, run: Run) -> Live | None:
        """Not `find`: the engine knows at once what it has made."""
        return run.read(lambda: looking.of_role(self.scope, self.role, self.names())) or None

    def owned(self, run: Run, live: Live) -> bool:
        return all(self.scope.marker.on_labels(one.labels) for one in live)

    def desired(self, run: Run) -> Mapping[str, Any]:
        alive = {"running": RUNNING, "instances": self.count()}
        if missing := unknowns(run.inputs):
            return {"settings": missing[0], **alive}
        return {**_together([self._wanted(spec) for spec in self.specs(run)]), **alive}

    def view(self, live: Live) -> Mapping[str, Any]:
        states = [{"running": one.status} for one in live]
        return {**_together([looking.seen(one) for one in live]), **_together(states), "instances": len(live)}

    def condition(self, live: Live) -> Condition:
        for one in live:
            if one.status in ("restarting", "dead"):
                return Condition(State.BROKEN, f"{one.name} ends again and again: {one.ended()}")
            if one.status == RUNNING and not one.answers:
                if one.starting:
                    return Condition(State.PENDING, f"{one.name} is starting")
                return Condition(State.BROKEN, f"{one.name} runs and does not answer")
        return Condition()

    def create(self, run: Run) -> None:
        self.choose(run)
        for spec in self.specs(run):
            verbs.make(run, self.scope, spec)
        self._started(run)

    def update(self, run: Run, live: Live, differences: tuple[Difference, ...]) -> None:
        self.choose(run)
        specs = {spec.name: spec for spec in self.specs(run)}
        fitting = {one.name for one in live if self._fits(specs.get(one.name), one)}
        for one in live:
            if one.name not in fitting:
                run.progress(f"ending {one.name}")
                verbs.remove(run, self.scope, one)
        for name, spec in specs.items():
            if name not in fitting:
                verbs.make(run, self.scope, spec, "remake")
        self._started(run)

    def delete(self, run: Run, live: Live) -> None:
        for one in live:
            verbs.remove(run, self.scope, one)

    # -- steps of the above ------------------------------------------------------------------------------------------

    def _wanted(self, spec: Spec) -> dict[str, Any]:
        return wanted(spec, verbs.powers(self.scope))

    def _fits(self, spec: Spec | None, one: Found) -> bool:
        return spec is not None and looking.seen(one) == self._wanted(spec)

    def _started(self, run: Run) -> None:
        """All begin before any is waited for."""
        before = self.read(run) or ()
        for one in before:
            if one.status != RUNNING or not (one.answers or one.starting):
                verbs.wake(run, self.scope, one)
        run.progress("waiting for it to answer")
        counts = {one.name: one.restarts for one in before}
        what = f"{self.title} to answer"
        run.until(lambda: self._answering(run, counts), what=what, every=self.every, timeout=self.seconds)

    def _answering(self, run: Run, restarts: Mapping[str, int]) -> Live | None:
        live = looking.of_role(self.scope, self.role, self.names())
        for one in live:
            if one.status not in (RUNNING, "created") or one.restarts > restarts.get(one.name, 0):
                raise self.failure(run.step, one)
        return live if live and all(one.answers for one in live) else None

    def failure(self, where: str, one: Found) -> MemdeployError:
        """Why it does not stay, with its last words."""
        error = self.culprit(where, one) or StepFailed(
            f"{self.title} does not stay: {one.ended()}",
            code="server-ended",
            where=where,
            suggestion="Its last words name the cause; `memdeploy up` tries again.",
        )
        error.details = verbs.last_words(self.scope, one.id)
        return error

    def culprit(self, where: str, one: Found) -> MemdeployError | None:
        """By exit code, where the codes are the container's own."""
        return None

    def outputs(self, run: Run, live: Live) -> Outputs:
        return {"name": self.name}


class OfMemMachine(Server):
    """A server in MemMachine's image: its exit codes are in `memmachine.exits`' table."""

    def culprit(self, where: str, one: Found) -> MemdeployError | None:
        folder = self.scope.context.docker_files
        if one.exhausted or exits.culprit(one.exit_code, folder) is None:
            return None
        return exits.failure(one.exit_code, where=where, what=self.title, folder=folder)


def _together(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Field -> the value that all have, else the list of them."""
    return {name: _same([row[name] for row in rows]) for name in rows[0]}


def _same(values: list[Any]) -> Any:
    return values[0] if all(value == values[0] for value in values) else values
