"""The provider `local` with runtime docker: PostgreSQL, Neo4j and MemMachine as containers of this machine's engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Step
from memdeploy.errors import MemdeployError, Unhealthy
from memdeploy.providers.base import LogLine, LogQuery
from memdeploy.providers.local import vault
from memdeploy.providers.local.containers import found as looking
from memdeploy.providers.local.containers import graph as graphs
from memdeploy.providers.local.containers import logs, options, verbs
from memdeploy.providers.local.containers.environment import HOST, external, on_this_machine
from memdeploy.providers.local.containers.found import RUNNING, Found
from memdeploy.providers.local.containers.preflight import Doctor
from memdeploy.providers.local.place import LocalCloud
from memdeploy.providers.local.scope import Scope

_ROLES = {"postgres.server": "postgres", "neo4j.server": "neo4j", "model.server": "model", "service": "service"}


class Containers(LocalCloud):
    def __init__(self, scope: Scope) -> None:
        """Raises `UsageError` or `Refused` for what cannot be had here."""
        options.check(scope.deployment)
        super().__init__(scope)

    @property
    def remedies(self) -> Mapping[str, str]:
        """User, password and database are set again by the step that remembers to have set them."""
        wrong = ("postgres-password", "postgres-database", "postgres-extension", "postgres-rights")
        return dict.fromkeys(wrong, "postgres.server")

    def graph(self) -> Graph:
        return graphs.deployment(self.scope)

    def everything(self) -> Graph:
        return graphs.everything(self.scope)

    def doctor(self, *, check_model: bool) -> Step:
        """The model is asked by `prepare` alone, from where MemMachine will ask it."""
        return Step(name="doctor", resource=Doctor(self.scope), title="Doctor", transient=True)

    @property
    def components(self) -> tuple[str, ...]:
        return logs.components(self.scope)

    @property
    def absent_components(self) -> Mapping[str, str]:
        return logs.absent(self.scope)

    def logs(self, query: LogQuery) -> Sequence[LogLine]:
        return self.told(logs.read(self.scope, query))

    def dumping(self, folder: Path) -> Graph:
        return graphs.dumping(self.scope, folder)

    def loading(self, folder: Path) -> Graph:
        return graphs.loading(self.scope, folder)

    def tool(self, word: str, arguments: Sequence[str] = ()) -> Step:
        return graphs.tool(self.scope, word, tuple(arguments))

    def why(self, step: str, outputs: Mapping[str, Mapping[str, Any]]) -> MemdeployError | None:
        role = _ROLES.get(step)
        wrong = [one for one in looking.of_role(self.scope, role) if _wrong(one)] if role else []
        if not wrong:
            return None
        one = wrong[0]
        vault.hold(self.scope)
        error = Unhealthy(f"{one.name} {_state(one)}", where=step, suggestion="`memdeploy up` starts it again.")
        error.details = verbs.last_words(self.scope, one.id)
        return error

    def health(self, outputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """MemMachine calls itself healthy without its databases, which is not what anybody wants to know."""
        found = super().health(outputs)
        if found["health"] != "healthy":
            return found
        try:
            reasons = [reason for step in _ROLES for reason in self._amiss(step, outputs)]
        except Exception as error:
            return {"health": "unknown", "reason": f"the engine gave no answer ({type(error).__name__})"}
        return {**found, "health": "unhealthy", "reason": "; ".join(reasons)} if reasons else found

    def _amiss(self, step: str, outputs: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """What of that step's containers does not run or does not answer."""
        if step not in outputs:
            return []
        live = looking.of_role(self.scope, _ROLES[step])
        return [f"{one.name} {_state(one)}" for one in live if _wrong(one)] or ([] if live else [f"{step} is gone"])

    def endpoints(self, outputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        uris = outputs.get("service", {}).get("uris") or []
        several = {"urls": list(uris)} if len(uris) > 1 else {}
        return {**super().endpoints(outputs), **several}

    def warnings(self) -> tuple[str, ...]:
        deployment = self.scope.deployment
        named = {"model.base_url": deployment.model.base_url}
        named |= {"neo4j.uri": deployment.neo4j.uri} if external(deployment) else {}
        return (*super().warnings(), *(_hint(name) for name, uri in named.items() if on_this_machine(uri)))


def _hint(option: str) -> str:
    return (
        f"{option} names this machine: containers reach it as {HOST}, so what answers there has to listen on more than"
        " 127.0.0.1"
    )


def _state(one: Found) -> str:
    if one.status == RUNNING:
        return "runs and does not answer"
    return f"is {one.status}" + (f" ({one.ended()})" if one.status in ("exited", "dead", "restarting") else "")


def _wrong(one: Found) -> bool:
    return one.status != RUNNING or not (one.answers or one.starting)
