"""MemMachine: one container or several on the same databases, each with a port of the loopback address of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from memdeploy.engine.step import Outputs, Run
from memdeploy.providers.local import ports, sizes
from memdeploy.providers.local.containers.container import Live, OfMemMachine
from memdeploy.providers.local.containers.environment import GATEWAY, environment, names_host
from memdeploy.providers.local.containers.spec import LOOPBACK, TEMPORARY, Spec
from memdeploy.providers.local.scope import Scope

INSIDE = 8080
_HEALTHY = (
    "import http.client; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=8);"
    " c.request('GET', '/api/v2/health'); raise SystemExit(c.getresponse().status != 200)"
)


class Service(OfMemMachine):
    """Inputs: `image`, `network`, `network_id`, `postgres_password`, `neo4j_password`, `model_key`.
    Outputs: `name`, `uri` (the first one's), `uris`. Notes: `ports` of the others, by number."""

    kind = "local.service"
    role = "service"
    title = "MemMachine"
    every: ClassVar[float] = 1.0

    def count(self) -> int:
        return self.scope.deployment.service.instances.min or 1

    def specs(self, run: Run) -> Sequence[Spec]:
        return [
            spec(self.scope, run.inputs, name, port) for name, port in zip(self.names(), self._ports(run), strict=True)
        ]

    def choose(self, run: Run) -> None:
        """The ports of the others: once chosen they stay theirs."""
        noted = _noted(run)
        taken = {self.scope.port}
        chosen: dict[str, int] = {}
        for number in map(str, range(2, self.count() + 1)):
            port = noted.get(number)
            if port is None or port in taken:
                port = ports.free({*taken, *noted.values()}, after=self.scope.port)
            chosen[number] = port
            taken.add(port)
        if chosen != noted:
            run.note(ports=chosen)

    def _ports(self, run: Run) -> list[int]:
        """Before they were chosen: as if there were one alone, which differs by its count in any case."""
        noted = _noted(run)
        return [self.scope.port, *(noted.get(str(number), 0) for number in range(2, self.count() + 1))]

    def outputs(self, run: Run, live: Live) -> Outputs:
        uris = [f"http://{LOOPBACK}:{port}" for port in self._ports(run) if port]
        return {"name": self.name, "uri": self.scope.url, "uris": uris}

    def summary(self, outputs: Outputs) -> str:
        return ", ".join(outputs["uris"])


def spec(scope: Scope, inputs: Mapping[str, Any], name: str, port: int | None) -> Spec:
    deployment = scope.deployment
    told = environment(deployment, inputs)
    return Spec(
        name=name,
        role=Service.role,
        image=inputs["image"],
        size=sizes.of(deployment.profile, deployment.service).service,
        environment=told,
        network=inputs["network"],
        network_id=inputs["network_id"],
        tmpfs={TEMPORARY: "mode=1777,size=256m"},
        port=(INSIDE, port) if port else None,
        ready=("python", "-c", _HEALTHY),
        start_seconds=420,  # it waits for databases and their preparation by itself
        stop_seconds=120,  # a memory that is being stored is stored in both databases
        hosts=GATEWAY if names_host(told) else {},
    )


def _noted(run: Run) -> dict[str, int]:
    return {str(number): int(port) for number, port in (run.notes.get("ports") or {}).items()}
