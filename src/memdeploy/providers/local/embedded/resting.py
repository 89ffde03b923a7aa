"""MemMachine at rest while its files are copied or replaced, and back again."""

from __future__ import annotations

from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.providers.local.embedded.service import Service
from memdeploy.providers.local.scope import Scope


class Stop:
    kind = "embedded.stop"

    def __init__(self, scope: Scope) -> None:
        self.service = Service(scope)

    def probe(self, run: Run) -> Observed:
        return Observed(State.ABSENT)

    def ensure(self, run: Run) -> Outputs:
        self.service.rest(run)
        return {}

    def remove(self, run: Run) -> None:
        """There is nothing to remove."""


class Start(Stop):
    """Inputs as the service's."""

    kind = "embedded.start"

    def ensure(self, run: Run) -> Outputs:
        return self.service.ensure(run)
