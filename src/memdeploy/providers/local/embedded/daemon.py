"""A process in the background as a resource: wanted with a certain environment, started again when that differs."""

from __future__ import annotations

import signal
import subprocess
import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from memdeploy.engine.converge import Condition, Converging
from memdeploy.engine.step import Effect, Run, State
from memdeploy.errors import StepFailed
from memdeploy.providers.local.embedded import launch, layout, process
from memdeploy.providers.local.embedded.process import Command, Found
from memdeploy.providers.local.scope import Scope

GRACE = 60.0
"Seconds for requests that are under way when it is asked to end."
NOT_RUNNING = "it does not run"
SILENT = "it runs and does not answer"


@dataclass(frozen=True)
class Live:
    found: Found
    answers: bool


class Daemon(Converging[Live]):
    """`component` names its files and its log, and its step."""

    component: ClassVar[str]
    start_seconds: ClassVar[float]
    effects: ClassVar[Mapping[str, Effect]] = {"arguments": Effect.RESTART, "environment": Effect.RESTART}

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.pid_file = layout.pid_file(scope, self.component)
        self.log = layout.log(scope, self.component)

    @abstractmethod
    def arguments(self, run: Run) -> list[Any]:
        """The command line, the interpreter first. It is written down: no secret."""

    @abstractmethod
    def environment(self, run: Run) -> Mapping[str, Any]:
        """What decides how it runs, secrets as references. It is written down."""

    @abstractmethod
    def secrets(self, environment: Mapping[str, Any]) -> Mapping[str, str]:
        """All of its environment, with the secrets themselves."""

    @abstractmethod
    def answers(self) -> bool: ...

    @abstractmethod
    def ended(self, run: Run, code: int | None) -> StepFailed:
        """Why it ended instead of answering. `code` is None when nobody knows."""

    # -- Converging --------------------------------------------------------------------------------------------------

    def read(self, run: Run) -> Live | None:
        return run.read(self._look)

    def owned(self, run: Run, live: Live) -> bool:
        """Its pid file is in the deployment's own folder."""
        return True

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"arguments": self.arguments(run), "environment": dict(self.environment(run))}

    def view(self, live: Live) -> Mapping[str, Any]:
        return {name: live.found.facts.get(name) for name in ("arguments", "environment")}

    def condition(self, live: Live) -> Condition:
        """One that is silent longer than a start takes hangs, and is started again."""
        if live.answers:
            return Condition()
        if not live.found.alive:
            return Condition(State.BROKEN, NOT_RUNNING)
        starting = live.found.pid is None or time.time() < live.found.started + self.start_seconds
        return Condition(State.PENDING) if starting else Condition(State.BROKEN, SILENT)

    def create(self, run: Run) -> None:
        self._start(run, "create")

    def update(self, run: Run, live: Live, differences: Any) -> None:
        """Also what died, or was not started again with the machine."""
        self._stop(run, "stop")
        self._start(run, "start")

    def runs(self) -> bool:
        found = process.look(self.pid_file)
        return found is not None and found.alive

    def why(self) -> StepFailed:
        """Of one that was found broken."""
        runs = self.runs()
        error = StepFailed(
            f"{self.describe()}: {SILENT if runs else NOT_RUNNING}",
            code=f"{self.component}-{'silent' if runs else 'not-running'}",
            where=self.component,
            suggestion=f"`memdeploy up` starts it again; `memdeploy logs {self.component}` shows what it said.",
        )
        error.details = process.tail(self.log)
        return error

    def rest(self, run: Run) -> None:
        """Ends it, and it is still known that it should run."""
        self._stop(run, "stop")

    def delete(self, run: Run, live: Live) -> None:
        self._stop(run, "delete")
        process.forget(self.pid_file)

    # -- starting and ending -----------------------------------------------------------------------------------------

    def _start(self, run: Run, verb: str) -> None:
        wanted = self.desired(run)
        command = Command(wanted["arguments"], self.secrets(wanted["environment"]), wanted, self.log, self.pid_file)
        child = run.change(verb, str(self.pid_file), lambda intent: process.start(command))
        run.progress("waiting for its first answer")
        run.until(lambda: self._up(run, child), what=f"{self.describe()} to answer", timeout=self.start_seconds)

    def _up(self, run: Run, child: subprocess.Popen[bytes] | None) -> bool | None:
        """None while it still starts. `child` is None when an earlier run started it."""
        live = self._look()
        if live is not None and live.found.alive:
            return True if live.answers else None
        code = child.poll() if child is not None else None
        if child is not None and code in (None, launch.BUSY):
            return None
        raise self.ended(run, code)

    def _stop(self, run: Run, verb: str) -> None:
        live = self._look()
        if live is None or not live.found.alive:
            return
        run.change(verb, str(self.pid_file), lambda intent: process.end(self.pid_file))
        try:
            run.until(self._gone, what=f"{self.describe()} to end", timeout=GRACE)
        except StepFailed:
            run.progress(f"did not end within {GRACE:.0f} s of being asked: ended by force, with what it was answering")
            process.end(self.pid_file, signal.SIGKILL)
            run.until(self._gone, what=f"{self.describe()} to end by force", timeout=GRACE)

    def _gone(self) -> bool | None:
        found = process.look(self.pid_file)
        return True if found is None or not found.alive else None

    def _look(self) -> Live | None:
        found = process.look(self.pid_file)
        return None if found is None else Live(found, found.alive and self.answers())
