"""A deployment on a served rehearsal: real provider, real Google clients, real runner; the journal is in memory."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.engine.clock import SystemClock
from memdeploy.engine.events import Event
from memdeploy.engine.graph import Graph
from memdeploy.engine.ledger import StepRecord, Transition, advance
from memdeploy.engine.results import RunResult
from memdeploy.engine.runner import Runner, RunOptions
from memdeploy.engine.step import Observed
from memdeploy.memmachine.files import docker_files
from memdeploy.providers.base import Context, RehearsalTarget
from memdeploy.providers.gcp.cloud import GoogleCloud, open_cloud
from memdeploy.secret import Secret
from tests.support.rehearsed import Rehearsed

ID, SUFFIX, PROJECT = "abcdef123456", "x7k2", "proj-1"


class MemoryLedger:
    """Transitions as the journal applies them; nothing is lost but the process."""

    def __init__(self) -> None:
        self.records: dict[str, StepRecord] = {}
        self._lock = threading.Lock()

    def record(self, step: str) -> StepRecord:
        with self._lock:
            return self.records.get(step) or StepRecord(step)

    def commit(self, step: str, transition: Transition) -> StepRecord:
        with self._lock:
            before = self.records.get(step) or StepRecord(step)
            self.records[step] = advance(before, transition)
            return self.records[step]


class OpenGuard:
    def check(self) -> None:
        """Nobody else is here."""


@dataclass
class Deploying:
    """`up`, `plan` and `destroy` as the lifecycle would do them, without its journal, lease and screen."""

    rehearsed: Rehearsed
    options: dict[str, Any] = field(default_factory=dict)
    final_backup: bool = True
    name: str = "support-memory"
    own: MemoryLedger = field(default_factory=MemoryLedger)
    shared: MemoryLedger = field(default_factory=MemoryLedger)
    events: list[Event] = field(default_factory=list)
    scale: float = 0.0005

    def cloud(self) -> GoogleCloud:
        values = {
            "provider": "gcp",
            "name": self.name,
            "gcp": {"project": PROJECT},
            "model": {"provider": "offline"},
        }
        target = RehearsalTarget(self.rehearsed.id, self.rehearsed.endpoint)
        context = Context(
            deployment=Deployment.model_validate({**values, **self.options}),
            id=ID,
            suffix=SUFFIX,
            clock=SystemClock(pace=self.scale, patience=max(0.05, self.scale)),
            docker_files=docker_files(),
            rehearsal=target,
            model_key=Secret("sk-test"),
            engine_allowed=False,
            final_backup=self.final_backup,
            records={n: dict(r.outputs) for n, r in self.own.records.items() if r.outputs},
        )
        return open_cloud(context)

    def runner(self, graph: Graph, cloud: GoogleCloud, **options: Any) -> Runner:
        return Runner(
            graph,
            {"deployment": self.own, "shared": self.shared},
            {"deployment": OpenGuard(), "shared": OpenGuard()},
            cloud.scope.context.clock,
            self.events.append,
            cloud.classify,
            cloud.poll,
            RunOptions(**options),
        )

    def plan(self) -> dict[str, Observed]:
        cloud = self.cloud()
        return self.runner(cloud.graph(), cloud).probe()

    def up(self, **options: Any) -> RunResult:
        cloud = self.cloud()
        runner = self.runner(cloud.graph(), cloud, **options)
        return runner.ensure(runner.probe())

    def destroy(self, *, delete_data: bool = False) -> RunResult:
        """Without `delete_data`: what holds data, and all that it keeps, stays."""
        cloud = self.cloud()
        graph = cloud.graph()
        data = {step.name for step in graph if step.holds_data}
        kept = data | {name for step in graph for name in step.keeps} | {"apis"}
        kept = {"apis"} if delete_data else kept
        gone = [step.name for step in graph if step.scope == "deployment" and step.name not in kept]
        return self.runner(graph, cloud).remove(gone, () if delete_data else data)

    def with_options(self, **options: Any) -> Deploying:
        """The same deployment, with another configuration."""
        return replace(self, options={**self.options, **options})
