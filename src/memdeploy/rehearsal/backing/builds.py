"""Cloud Build with real steps: one container a step in a shared workspace, then the images are pushed.

A build runs in a thread. A server that is killed takes it along; the next look of a client starts it again from its
first step (steps are repeatable, and the engine's cache keeps what was built). Its end is a file in the state folder.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from memdeploy.rehearsal.backing.build_docker import BuildDocker
from memdeploy.rehearsal.backing.build_steps import WORKSPACE, Step, StepError, built_ins, step_of
from memdeploy.rehearsal.backing.engine import BackingError, Engine, remove
from memdeploy.rehearsal.backing.folders import Folders
from memdeploy.rehearsal.backing.protocol import BuildSpec, Progress
from memdeploy.rehearsal.backing.registry import Registry
from memdeploy.rehearsal.backing.sockets import Guest, Sockets
from memdeploy.rehearsal.backing.tools import Tools

STEP = "step"
SPACE = "workspace"
RESULT = "result.json"


class Builds:
    def __init__(self, engine: Engine, tools: Tools, registry: Registry, folders: Folders, sockets: Sockets) -> None:
        self._engine = engine
        self._tools = tools
        self._registry = registry
        self._folders = folders
        self._sockets = sockets
        self._guard = threading.Lock()
        self._running: dict[str, threading.Thread] = {}

    def start(self, spec: BuildSpec) -> None:
        with self._guard:
            if spec.key in self._running or (self._folders.path(spec.key) / RESULT).exists():
                return
            self._running[spec.key] = threading.Thread(target=self._run, args=(spec,), daemon=True)
            self._running[spec.key].start()

    def state(self, key: str) -> Progress:
        running = key in self._running  # looked at first: it ends after its result was written
        path = self._folders.path(key) / RESULT
        if path.exists():
            return Progress(**{"done": True, **json.loads(path.read_text())})
        if not running:
            return Progress(done=True, error="the build was interrupted before it ended; start it again")
        return Progress(done=False)

    def forget(self) -> None:
        """Builds that run are of no interest any more: their steps are being removed, and that ends them."""
        with self._guard:
            self._running.clear()

    def _run(self, spec: BuildSpec) -> None:
        from docker.errors import DockerException

        log: list[str] = []
        result: dict[str, Any] = {}
        try:
            self._clean(spec.key)
            self._steps(spec, log)
            result["result"] = {name: self._registry.push(name) for name in spec.images}
        except (StepError, BackingError, DockerException, OSError) as error:
            result["error"] = str(error)
        with self._guard:
            if self._running.get(spec.key) is not threading.current_thread():
                return
            self._clean(spec.key)
            self._folders.write(spec.key, RESULT, json.dumps({**result, "log": "".join(log)[-20000:]}))
            del self._running[spec.key]

    def _steps(self, spec: BuildSpec, log: list[str]) -> None:
        deadline = time.monotonic() + spec.timeout
        values = built_ins(spec.key)
        steps = [step_of(sent, values) for sent in spec.steps]
        self._wait_for_tools(deadline)
        self._sockets.listen(self._folders.make(spec.key), Guest("", BuildDocker(self._engine, self._registry)))
        for number, step in enumerate(steps):
            code = self._step(spec.key, number, step, deadline, log)
            if code != 0 and not step.may_fail:
                raise StepError(
                    f'build step {number} "{step.name}" failed: step exited with non-zero status: {code}{_last(log)}'
                )

    def _wait_for_tools(self, deadline: float) -> None:
        while not (progress := self._tools.progress()).done:
            if time.monotonic() > deadline:
                raise StepError("build timed out")
            threading.Event().wait(0.2)
        if progress.error:
            raise BackingError(progress.error)

    def _step(self, key: str, number: int, step: Step, deadline: float, log: list[str]) -> int:
        """The exit code; what it said is added to the log."""
        import requests

        container = self._create(key, number, step)
        container.start()
        try:
            code = int(container.wait(timeout=max(1.0, deadline - time.monotonic()))["StatusCode"])
        except requests.exceptions.RequestException:  # docker-py lets a read that timed out through as it is
            raise StepError("build timed out") from None
        finally:
            log.append(container.logs().decode(errors="replace"))
            remove(container)
        return code

    def _create(self, key: str, number: int, step: Step) -> Any:
        if step.image is not None:
            self._registry.pull(step.image)
        words = [*step.entrypoint[1:], *step.argv]
        return self._engine.client.containers.create(
            step.image or self._tools.name(),
            words or None,
            entrypoint=[step.entrypoint[0]] if step.entrypoint else None,
            name=self._engine.name(STEP, f"{key}/{number}"),
            labels=self._engine.labels(STEP, f"{key}/{number}", build=self._engine.name(STEP, key)),
            environment=["HOME=/builder/home", "BUILDER_OUTPUT=/builder/outputs", *step.env],
            working_dir=step.folder,
            volumes={
                self._engine.volume(SPACE, key): {"bind": WORKSPACE, "mode": "rw"},
                str(self._folders.path(key)): {"bind": "/rehearsal/host", "mode": "ro"},
            },
            tmpfs={"/builder/home": "", "/builder/outputs": ""},
            security_opt=["no-new-privileges"],
        )

    def _clean(self, key: str) -> None:
        """What an interrupted run of this build may have left, and what this one leaves."""
        for step in self._engine.containers(STEP, build=self._engine.name(STEP, key)):
            remove(step)
        self._engine.volume_remove(SPACE, key)
        self._sockets.close(self._folders.path(key))


def _last(log: list[str]) -> str:
    lines = [line for line in "".join(log[-1:]).splitlines() if line.strip()]
    return f" ({lines[-1].strip()[:300]})" if lines else ""
