"""Proves and prepares both databases and the model, once for each change of what they depend on, before the service."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Run, State, unknowns
from memdeploy.errors import StepFailed
from memdeploy.memmachine import exits
from memdeploy.providers.local import sizes
from memdeploy.providers.local.containers import once
from memdeploy.providers.local.containers.once import Ended
from memdeploy.providers.local.containers.service import spec
from memdeploy.providers.local.containers.spec import Spec
from memdeploy.providers.local.scope import Scope

SECONDS = 640.0
"It ends itself after 540; the rest is for starting it."


class Prepare:
    """Inputs: those of `Service`, and `databases` (what identifies each). Outputs: `key`.
    Notes: `key` of the last success."""

    kind = "local.prepare"

    def __init__(self, scope: Scope, name: str) -> None:
        self.scope = scope
        self.name = name

    def probe(self, run: Run) -> Observed:
        unknown = tuple(unknowns(run.inputs))
        done = run.notes.get("key")
        if done is None:
            return Observed(State.ABSENT, unknown=unknown)
        if unknown:
            return Observed(State.PRESENT, outputs=run.outputs, unknown=unknown)
        wanted = self._key(run)
        if done == wanted:
            return Observed(State.PRESENT, outputs={"key": wanted})
        difference = Difference("key", done, wanted, Effect.IN_PLACE, "the databases, the model or the image changed")
        return Observed(State.DIFFERENT, (difference,), outputs={"key": wanted})

    def ensure(self, run: Run) -> Outputs:
        key = self._key(run)
        if run.notes.get("key") != key:
            run.progress("proving databases and model, making tables")
            ended = once.run_once(run, self.scope, self._spec(run), resume=True, timeout=SECONDS)
            if ended.code != 0:
                raise failure(self.scope, ended, run.step, "prepare")
            run.note(key=key)
        run.apply({"key": key})
        return {"key": key}

    def remove(self, run: Run) -> None:
        once.sweep(run, self.scope)

    def _spec(self, run: Run) -> Spec:
        return one_shot(self.scope, run.inputs, self.name, ("prepare",))

    def _key(self, run: Run) -> str:
        """Image, both volumes (or which other Neo4j), the count of restores, the model, the versions of all secrets."""
        deployment = self.scope.deployment
        parts: list[Any] = [
            run.inputs["image"], run.inputs["databases"], deployment.neo4j.uri,
            self.scope.context.records.get("restore", {}).get("count", 0),
            deployment.model.model_dump(mode="json", exclude={"key"}),
            [run.inputs[name] for name in ("postgres_password", "neo4j_password", "model_key")],
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def one_shot(scope: Scope, inputs: Any, name: str, words: tuple[str, ...]) -> Spec:
    """MemMachine's image with the service's environment, for one word of `docker/startup.sh`."""
    size = sizes.of(scope.deployment.profile, scope.deployment.service).once
    return dataclasses.replace(
        spec(scope, inputs, name, None), role=once.ROLE, command=words, size=size, restart="no", ready=(),
        stop_seconds=10,
    )  # fmt: skip


def failure(scope: Scope, ended: Ended, where: str, what: str) -> StepFailed:
    """`code` is the culprit's word; `details` what it said last."""
    if ended.exhausted:
        error = StepFailed(f"{what} needed more memory than its limit", code="out-of-memory", where=where)
    else:
        error = exits.failure(ended.code, where=where, what=what, folder=scope.context.docker_files)
    error.details = ended.said
    return error
