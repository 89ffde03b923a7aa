"""The offline model as a process of its own, on loopback only: a toy to try things out, see `place.TOY`."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from memdeploy.engine.step import Outputs, Run
from memdeploy.errors import StepFailed
from memdeploy.memmachine import offline_model
from memdeploy.providers.local.embedded import process, variables
from memdeploy.providers.local.embedded.daemon import Daemon, Live

HOST = "127.0.0.1"


class OfflineModel(Daemon):
    """Input: `python`. Outputs: `url`. Notes: `port`, drawn once; another one when somebody else has taken it."""

    kind = "embedded.model"
    component = "model"
    start_seconds = 30.0

    def describe(self) -> str:
        return "the offline model"

    def arguments(self, run: Run) -> list[Any]:
        return [run.inputs["python"], "-I", offline_model.__file__, str(run.notes.get("port")), HOST]

    def environment(self, run: Run) -> Mapping[str, Any]:
        return {}

    def secrets(self, environment: Mapping[str, Any]) -> Mapping[str, str]:
        return variables.around(self.scope)

    def answers(self) -> bool:
        port = self._port()
        return port is not None and _open(port)

    def outputs(self, run: Run, live: Live) -> Outputs:
        return {"url": f"http://{HOST}:{live.found.facts['arguments'][3]}/v1"}

    def ended(self, run: Run, code: int | None) -> StepFailed:
        error = StepFailed("the offline model ended at once", code="offline-model", where=run.step, retryable=True)
        error.details = process.tail(self.log)
        return error

    def summary(self, outputs: Outputs) -> str:
        return f"{outputs['url']}, a toy: it knows words, not their meaning"

    def recovered(self, run: Run) -> Mapping[str, Any]:
        """Another port would restart MemMachine."""
        port = self._port()
        return {} if port is None else {"port": port}

    def _port(self) -> int | None:
        """As its process was told."""
        found = process.look(self.pid_file)
        port = (found.facts.get("arguments") or [""] * 4)[3] if found else ""
        return int(port) if port.isdigit() else None

    def _start(self, run: Run, verb: str) -> None:
        port = run.notes.get("port")
        if port is None or _open(port):
            run.note(port=_free())
        super()._start(run, verb)


def _free() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2.0)
        return probe.connect_ex((HOST, port)) == 0
