"""One of MemMachine's container words, once, beside the service."""

from __future__ import annotations

from collections.abc import Sequence

from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.errors import StepFailed
from memdeploy.providers.local.containers import once
from memdeploy.providers.local.containers.environment import external
from memdeploy.providers.local.containers.prepare import failure, one_shot
from memdeploy.providers.local.scope import Scope

SECONDS = 24 * 3600.0


class Tool:
    """Takes image, network and secrets as the journal has them. Outputs: the object on the last line of its output."""

    kind = "local.tool"

    def __init__(self, scope: Scope, word: str, arguments: Sequence[str]) -> None:
        self.scope = scope
        self.word = word
        self.arguments = tuple(arguments)

    def probe(self, run: Run) -> Observed:
        return Observed(State.ABSENT)

    def ensure(self, run: Run) -> Outputs:
        spec = one_shot(self.scope, self._inputs(run), self.scope.own("tool"), (self.word, *self.arguments))
        ended = once.run_once(run, self.scope, spec, resume=False, timeout=SECONDS)
        if ended.code != 0:
            raise failure(self.scope, ended, run.step, self.word)
        found = once.last_object(ended.out)
        if found is None:
            raise StepFailed(f"{self.word} ended well and gave no answer", code="internal", where=run.step)
        return found

    def remove(self, run: Run) -> None:
        """It leaves nothing behind."""

    def _inputs(self, run: Run) -> dict[str, object]:
        records = self.scope.context.records
        neo4j = "secret.external" if external(self.scope.deployment) else "secret.neo4j"
        wanted = ("image", "network", "secret.postgres", "secret.model", neo4j)
        missing = [name for name in wanted if not records.get(name)]
        if missing:
            raise StepFailed(
                f"{missing[0]} was never made", code="not-deployed", where=run.step, suggestion="Run `memdeploy up`."
            )
        return {
            "image": records["image"]["reference"],
            "network": records["network"]["name"],
            "network_id": records["network"]["id"],
            "postgres_password": records["secret.postgres"]["secret"],
            "neo4j_password": records[neo4j]["secret"],
            "model_key": records["secret.model"]["secret"],
        }
