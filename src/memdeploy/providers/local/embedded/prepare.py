"""Proves the model before anything is started that needs it: by the container's own word, and its table of exits."""

from __future__ import annotations

import hashlib
import json

from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Run, State, unknowns
from memdeploy.providers.local.embedded import words
from memdeploy.providers.local.scope import Scope
from memdeploy.providers.model_variables import of_model


class Prepare:
    """Inputs as the service's. Outputs: `key`, which stands for the model, its key and the release. Notes: `key` of the
    last success."""

    kind = "embedded.prepare"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def probe(self, run: Run) -> Observed:
        unknown = tuple(unknowns(run.inputs))
        if unknown:
            return Observed(State.ABSENT, unknown=unknown)
        done, wanted = run.notes.get("key"), self._key(run)
        if done is None:
            return Observed(State.ABSENT)
        if done == wanted:
            return Observed(State.PRESENT, outputs={"key": wanted})
        difference = Difference("key", done, wanted, Effect.IN_PLACE, "the model, its key or the release changed")
        return Observed(State.DIFFERENT, (difference,), outputs={"key": wanted})

    def ensure(self, run: Run) -> Outputs:
        key = self._key(run)
        if run.notes.get("key") != key:
            run.progress("asking the model for an embedding and an answer")
            run.change("ask", "model", lambda intent: words.say(self.scope, run.inputs, "prepare", where=run.step))
            run.note(key=key)
        return {"key": key}

    def remove(self, run: Run) -> None:
        if run.notes.get("key") is not None:
            run.note(key=None)

    def summary(self, outputs: Outputs) -> str:
        return "the model answers"

    def _key(self, run: Run) -> str:
        asked = of_model(self.scope.deployment.model, run.inputs["key"], run.inputs.get("model_url"))
        text = json.dumps([self.scope.deployment.release, asked], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
