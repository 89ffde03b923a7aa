"""One command on one deployment: its journal, its stage, its cloud, and the runner that brings them together."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from memdeploy.config.model import Deployment, Provider
from memdeploy.engine.cancel import CancelToken
from memdeploy.engine.clock import SystemClock
from memdeploy.engine.crash import CrashPoints
from memdeploy.engine.events import Event, EventKind, Sink
from memdeploy.engine.graph import Graph
from memdeploy.engine.kit import RunOptions
from memdeploy.engine.ledger import Guard, Ledger
from memdeploy.engine.runner import Runner
from memdeploy.engine.step import Observed
from memdeploy.errors import CloudError, Refused
from memdeploy.lifecycle import configuration, given, naming, where
from memdeploy.lifecycle.memory import MemoryLedger, NoLease
from memdeploy.lifecycle.rehearsing import Stage, stage
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.wire import wire_log
from memdeploy.memmachine.files import docker_files
from memdeploy.providers import load
from memdeploy.providers.base import Cloud, Context
from memdeploy.state.deployments import Deployments, Place
from memdeploy.state.journal import Journal

#: Sleeping shorter than this between looks would only burn processors, whatever the time scale.
CONTAINER_PACE = 0.05
PATIENCE = 0.05

#: Commands that make the configuration so; all others take the deployment as it is.
_BRINGS_ABOUT = ("plan", "up")

DEPLOYMENT = "deployment"
PREFLIGHT = "preflight"
SHARED = "shared"


@dataclass(frozen=True)
class Session:
    """`journal` as it was read when the command began; `shared` is None before anything is shared."""

    request: Request
    deployment: Deployment
    journal: Journal
    deployments: Deployments
    stage: Stage
    context: Context
    cloud: Cloud
    graph: Graph
    clock: SystemClock
    sink: Sink
    shared: Place | None = None
    by: str | None = None  # who runs it, in words

    def tell(self, kind: EventKind, step: str | None = None, /, **data: Any) -> None:
        self.sink(Event(kind, self.clock.now(), step, data))

    def of(self, deployment: Deployment, journal: Journal) -> Session:
        """The same command on another configuration of the same deployment, with what is journalled by now; or (its
        journal was lost) on the deployment that this journal says it is."""
        context = replace(
            self.context, deployment=deployment, id=journal.id, suffix=journal.suffix, records=journal.outputs()
        )
        cloud = load(deployment.provider)(context)
        return replace(self, deployment=deployment, journal=journal, context=context, cloud=cloud, graph=cloud.graph())

    def unstopped(self) -> Session:
        """The same command, for what a first signal has to let it do: to put back, shortly, what it had put aside."""
        clock = self.clock.unstopped()
        request, context = replace(self.request, cancel=CancelToken()), replace(self.context, clock=clock)
        cloud = load(self.deployment.provider)(context)
        return replace(self, request=request, context=context, cloud=cloud, graph=cloud.graph(), clock=clock)

    def header(self) -> dict[str, Any]:
        """What every result and the first event say of the deployment."""
        return {
            "deployment": self.journal.name,
            "provider": str(self.deployment.provider),
            "target": self.cloud.target,
            "release": self.deployment.release,
            "profile": str(self.deployment.profile),
            "rehearsal": self.stage.target.id if self.stage.target else False,
        }

    def begin(self, graph: Graph) -> None:
        named = [
            {"name": step.name, "title": step.title, "needs": list(graph.needs(step.name)), "seconds": step.seconds}
            for step in graph
        ]
        by = {"by": self.by} if self.by else {}
        self.tell(EventKind.RUN_STARTED, command=self.request.command, **by, **self.header(), steps=named)

    def runner(
        self,
        graph: Graph,
        ledgers: Mapping[str, Ledger],
        guards: Mapping[str, Guard],
        sink: Sink | None = None,
        *,
        keep_going: bool = False,
    ) -> Runner:
        return Runner(
            graph, ledgers, guards, self.clock, sink or self.sink, self.cloud.classify, self.cloud.poll,
            RunOptions(keep_going=keep_going or self.request.keep_going, replace=self.request.replace),
            crash=CrashPoints.from_environment(os.environ, allowed=self._is_ours),
            cancel=self.request.cancel,
        )  # fmt: skip

    @property
    def _is_ours(self) -> bool:
        """Nothing that it makes is in anybody's cloud."""
        return self.stage.target is not None or self.deployment.provider is Provider.LOCAL

    def reader(self, graph: Graph | None = None, sink: Sink | None = None) -> Runner:
        """A runner whose journal is a copy in memory: it can look, and run transient steps."""
        ledgers = {DEPLOYMENT: MemoryLedger(self.journal.steps), SHARED: MemoryLedger(self._shared_steps())}
        guards = dict.fromkeys(ledgers, NoLease())
        return self.runner(graph or self.graph, ledgers, guards, sink)

    def observe(self) -> dict[str, Observed]:
        """What is there, before anything is changed. A cloud that does not let us look is a refusal (exit 3), in the
        words of the provider's preflight, which looks for all causes at once."""
        try:
            return self.reader().probe()
        except CloudError as error:
            checked = self.reader(self.graph.only([PREFLIGHT]), sink=lambda event: None).ensure()
            if isinstance(checked.error, Refused):
                raise checked.error from error
            raise Refused(
                error.message, code=error.code, where=error.where, suggestion=error.suggestion, retryable=True
            ) from error

    def outputs(self) -> dict[str, Mapping[str, Any]]:
        """Step -> outputs, as journalled, the shared steps' too."""
        return {**_outputs(self._shared_steps()), **self.journal.outputs()}

    def _shared_steps(self) -> Mapping[str, Any]:
        return self.shared.read().steps if self.shared is not None else {}


@contextlib.contextmanager
def session(request: Request, sink: Sink, *, journal: Journal | None, deployments: Deployments) -> Iterator[Session]:
    """`journal` is None for what does not exist yet: names are then drawn for looking only."""
    wanted = configuration.wanted(request, journal)
    if request.command in _BRINGS_ABOUT:
        configuration.check_deployable(wanted)
    binding = journal.binding if journal else None
    with stage(request, str(wanted.provider), binding, deployments.root, os.environ) as found:
        deployment = configuration.settled(configuration.staged(wanted, found), journal, request)
        if journal is not None:
            configuration.check_identity(journal, deployment)
            if request.command in _BRINGS_ABOUT:
                configuration.check_release(journal, deployment)
            else:
                deployment = configuration.as_it_is(journal, deployment)
        known = journal or deployments.draft(
            request.name or deployment.name,
            provider=str(deployment.provider),
            identity=configuration.identity(deployment),
            binding=found.binding,
            configuration=deployment.model_dump(mode="json"),
        )
        with wire_log(request.wire_log, lambda text: _warn(sink, text)) as wire:
            yield _opened(request, sink, deployment, known, deployments, found, wire)


def _warn(sink: Sink, text: str) -> None:
    sink(Event(EventKind.NOTICE, time.time(), data={"text": text, "level": "warning"}))


def _opened(
    request: Request, sink: Sink, deployment: Deployment, journal: Journal, deployments: Deployments, found: Stage,
    wire: Any,
) -> Session:  # fmt: skip
    clock = _clock(found, request, deployment.provider)
    context = Context(
        deployment=deployment.model_copy(update={"name": journal.name}),
        id=journal.id,
        suffix=journal.suffix,
        clock=clock,
        docker_files=docker_files(),
        rehearsal=found.target,
        **given.secrets(request, deployment, journal),
        engine_allowed=found.target is None or found.containers,
        final_backup=not request.no_final_backup,
        wire=wire,
        records=journal.outputs(),
    )
    cloud = load(deployment.provider)(context)
    opened = Session(request, deployment, journal, deployments, found, context, cloud, cloud.graph(), clock, sink)
    return replace(opened, shared=shared_place(opened, create=False))


def shared_place(opened: Session, *, create: bool) -> Place | None:
    """Where what this deployment shares with others is journalled; None when there is nothing yet."""
    return opened.deployments.shared(
        opened.cloud.shared_key,
        marker=opened.cloud.shared_marker,
        binding=opened.stage.binding,
        provider=str(opened.deployment.provider),
        identity=configuration.shared_identity(opened.deployment),
        create=create,
    )


def look(request: Request, sink: Sink, *, may_create: bool = False) -> contextlib.AbstractContextManager[Session]:
    """A session for a command that changes nothing."""
    deployments = where.deployments(request.state)
    name = naming.choose(request.name, deployments, may_create=may_create)
    journal = naming.existing(name, deployments) if may_create else naming.required(name, deployments)
    return session(replace(request, name=name), sink, journal=journal, deployments=deployments)


def usual_seconds(graph: Graph, steps: Sequence[str]) -> float:
    """Usual duration of these steps, run as parallel as the graph allows."""
    chosen = frozenset(steps)
    longest: dict[str, float] = {}
    for step in graph:
        before = max((longest[need] for need in graph.needs(step.name)), default=0.0)
        longest[step.name] = before + (step.seconds if step.name in chosen else 0.0)
    return max(longest.values(), default=0.0)


def _clock(found: Stage, request: Request, provider: Provider) -> SystemClock:
    event = request.cancel.event
    if provider is Provider.LOCAL:  # what one's own machine did shows at once
        return SystemClock(pace=CONTAINER_PACE, patience=1.0, cancelled=event)
    if found.target is None:
        return SystemClock(cancelled=event)
    if found.containers:
        return SystemClock(pace=max(found.scale, CONTAINER_PACE), patience=1.0, cancelled=event)
    return SystemClock(pace=found.scale, patience=max(found.scale, PATIENCE), cancelled=event)


def _outputs(steps: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {name: record.outputs for name, record in steps.items() if record.outputs is not None}
