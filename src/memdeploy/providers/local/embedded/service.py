"""MemMachine as a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.step import Outputs, Run
from memdeploy.errors import StepFailed
from memdeploy.memmachine import exits
from memdeploy.providers.local.embedded import process, variables
from memdeploy.providers.local.embedded.daemon import Daemon, Live
from memdeploy.providers.local.embedded.model import HOST
from memdeploy.providers.local.scope import Scope
from memdeploy.providers.local.verify import Loopback

HEALTH_SECONDS = 5.0
_TAKEN = "address already in use"


class Service(Daemon):
    """Inputs: `python`, `nltk`, `key` (SecretRef JSON), `model_url` (with the offline model). Outputs: `uri`."""

    kind = "embedded.service"
    component = "service"
    start_seconds = 180.0

    def describe(self) -> str:
        return f"MemMachine of {self.scope.deployment.name}"

    def arguments(self, run: Run) -> list[Any]:
        return [run.inputs["python"], str(self.scope.context.docker_files / "serve.py")]

    def environment(self, run: Run) -> Mapping[str, Any]:
        return variables.of_service(self.scope, run.inputs)

    def secrets(self, environment: Mapping[str, Any]) -> Mapping[str, str]:
        return {**variables.around(self.scope), **variables.revealed(self.scope, environment)}

    def answers(self) -> bool:
        try:
            answer = Loopback().request("GET", f"{self._url()}/api/v2/health", timeout=HEALTH_SECONDS)
        except OSError:  # requests' own errors are OSErrors
            return False
        return bool(answer.status_code == 200)

    def _url(self) -> str:
        """Where its process was told to listen: when another port is wanted, the old one tells whether it answers."""
        found = process.look(self.pid_file)
        port = str((found.facts.get("environment") or {}).get("PORT", "")) if found else ""
        return f"http://{HOST}:{port}" if port.isdigit() else self.scope.url

    def outputs(self, run: Run, live: Live) -> Outputs:
        return {"uri": self.scope.url}

    def ended(self, run: Run, code: int | None) -> StepFailed:
        lines = process.tail(self.log)
        if any(_TAKEN in line.lower() for line in lines):
            error = taken(self.scope, run.step)
        elif code is None:
            error = StepFailed(f"{self.describe()} ended", code="service-ended", where=run.step, retryable=True)
        else:
            error = exits.failure(
                code, where=run.step, what="the server", folder=self.scope.context.docker_files
            )  # fmt: skip
        error.details = lines
        return error

    def summary(self, outputs: Outputs) -> str:
        return str(outputs["uri"])


def taken(scope: Scope, where: str) -> StepFailed:
    return StepFailed(
        f"port {scope.port} of 127.0.0.1 is taken by another program",
        code="port-taken",
        where=where,
        suggestion="End that program, or choose another port with --local-port.",
    )
