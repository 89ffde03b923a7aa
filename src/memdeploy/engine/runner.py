"""Runs a graph: `probe` looks, `ensure` makes it so, `remove` takes it away again.

Ready steps run in parallel in threads, those at the head of the longest path first. The first failure stops the run
unless `keep_going`; then whatever does not need the failed step goes on. A runner is made for one command.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence

from memdeploy.engine.calls import Classify
from memdeploy.engine.cancel import CancelToken, Halt
from memdeploy.engine.clock import Clock
from memdeploy.engine.crash import CrashPoints
from memdeploy.engine.ensuring import Ensuring
from memdeploy.engine.events import Sink
from memdeploy.engine.graph import Graph
from memdeploy.engine.kit import Counted, Kit, RunOptions, Teller
from memdeploy.engine.ledger import Guard, Ledger
from memdeploy.engine.operations import Poll
from memdeploy.engine.probing import Probing
from memdeploy.engine.protecting import Protecting
from memdeploy.engine.removing import Removing
from memdeploy.engine.results import RunResult, StepResult
from memdeploy.engine.retry import Gates, Jitter
from memdeploy.engine.step import Observed
from memdeploy.errors import MemdeployError

__all__ = ["RunOptions", "Runner"]


class Runner:
    """`ledgers` and `guards` are keyed by scope; every scope of the graph must have both."""

    def __init__(
        self,
        graph: Graph,
        ledgers: Mapping[str, Ledger],
        guards: Mapping[str, Guard],
        clock: Clock,
        sink: Sink,
        classify: Classify,
        poll: Poll,
        options: RunOptions | None = None,
        *,
        crash: CrashPoints | None = None,
        cancel: CancelToken | None = None,
        jitter: Jitter = random.random,
    ) -> None:
        for step in graph:
            if step.scope not in ledgers or step.scope not in guards:
                raise ValueError(f"step {step.name!r} has scope {step.scope!r}, of which there is no ledger and guard")
        self._graph = graph
        self._crash = crash or CrashPoints()
        self._ledgers = {scope: Counted(ledger, self._crash) for scope, ledger in ledgers.items()}
        self._guards = guards
        self._clock = clock
        self._teller = Teller(sink, clock)
        self._classify = classify
        self._poll = poll
        self._options = options or RunOptions()
        self._token = cancel or CancelToken()
        self._gates = Gates()
        self._jitter = jitter

    def probe(self) -> dict[str, Observed]:
        """What is there, by step, in the order of the graph, without transient steps. Reads only. An API that is off
        is an absence, a 403 `UNREADABLE`; any other failure is raised, as is `Cancelled`."""
        return Probing(self._kit()).run()

    def recover(self) -> dict[str, Observed]:
        """As `probe`, for a lost journal: the ledgers then hold the notes that could be read off what is there."""
        return Probing(self._kit(), recovering=True).run()

    def ensure(self, observed: Mapping[str, Observed] | None = None) -> RunResult:
        """Every step as wanted. Steps that `observed` (of `probe`) found right make no request. Never raises for what
        a step did: see `RunResult.error`."""
        kit = self._kit()
        ensuring = Ensuring(kit, observed or {})
        ensuring.run()
        return self._result(ensuring.results, ensuring.first_error)

    def protections(self, steps: Sequence[str]) -> dict[str, str]:
        """Which of these must not be removed, and why. Reads only; to be asked before the first deletion."""
        return Protecting(self._kit(), steps).run()

    def remove(self, steps: Sequence[str], retain: Collection[str] = ()) -> RunResult:
        """These steps gone, in reverse order; those of `retain` put to rest and kept, when what needs them is gone. One
        that cannot go yet (`NotYet`) is recorded as a leftover and stays, with all that it needs; the error of the
        result is then `NotYet` (exit code 11) unless something failed."""
        kit = self._kit()
        removing = Removing(kit, steps, retain)
        removing.run()
        return self._result(removing.results, removing.first_error)

    def _kit(self) -> Kit:
        return Kit(
            self._graph, self._ledgers, self._guards, self._clock, self._teller, self._classify, self._poll,
            self._options, self._crash, self._token, Halt(self._token), self._gates, self._jitter,
        )  # fmt: skip

    def _result(self, results: Mapping[str, StepResult], error: MemdeployError | None) -> RunResult:
        steps = tuple(results[name] for name in self._graph.order() if name in results)
        cancelled = (self._token.signal or 0) if self._token.cancelled else None
        return RunResult(steps, error, cancelled)
