"""What both local runtimes answer alike: nothing is shared, nothing costs, nobody is asked for a token."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from memdeploy.config.model import ModelProvider
from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Operation, OperationStatus, Resource, Step
from memdeploy.errors import CloudError, MemdeployError, UsageError
from memdeploy.providers.base import LogLine, LogQuery, PriceLine, Role
from memdeploy.providers.local import errors, kinds, traces, vault
from memdeploy.providers.local.scope import Scope
from memdeploy.providers.local.verify import Loopback
from memdeploy.secret import Secret, heard

TOY = (
    "the offline model is a toy to try things out: it knows words, not their meaning. For real use give a key"
    " (OPENAI_API_KEY, or see model.* in the configuration) when a deployment is made; it cannot be changed later"
)
HEALTH_SECONDS = 5.0
_MINE = {"org_id": "me", "project_id": "first"}
_STORE = _MINE | {"messages": [{"content": "The spare key is under the blue flowerpot.", "producer": "me"}]}
_FIND = _MINE | {"query": "Where is the spare key?"}


class LocalCloud(ABC):
    """Base of `containers.cloud.Containers` and `embedded.cloud.Embedded`: with what those add a `base.Cloud`."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    @abstractmethod
    def graph(self) -> Graph: ...

    @abstractmethod
    def doctor(self, *, check_model: bool) -> Step: ...

    @property
    @abstractmethod
    def components(self) -> tuple[str, ...]: ...

    @property
    @abstractmethod
    def absent_components(self) -> Mapping[str, str]: ...

    @abstractmethod
    def logs(self, query: LogQuery) -> Sequence[LogLine]: ...

    @abstractmethod
    def dumping(self, folder: Path) -> Graph: ...

    @abstractmethod
    def loading(self, folder: Path) -> Graph: ...

    @abstractmethod
    def tool(self, word: str, arguments: Sequence[str] = ()) -> Step: ...

    @abstractmethod
    def why(self, step: str, outputs: Mapping[str, Mapping[str, Any]]) -> MemdeployError | None: ...

    @property
    def target(self) -> str:
        return f"local {self.scope.deployment.local.runtime}"

    @property
    def shared_key(self) -> str:
        return "local"

    @property
    def shared_marker(self) -> str:
        return "local"

    @property
    def proof_of_use(self) -> tuple[str, ...]:
        return ()

    @property
    def examiner(self) -> str:
        return "prepare"

    @property
    def remedies(self) -> Mapping[str, str]:
        return {}

    def classify(self, error: Exception) -> CloudError | None:
        return errors.classify(error)

    def poll(self, operation: Operation) -> OperationStatus:
        """Nothing here goes on without whoever began it."""
        raise AssertionError(f"there is no operation {operation.name} on this machine")

    def everything(self) -> Graph:
        return self.graph()

    def shared_graph(self) -> Graph:
        raise UsageError("local deployments share nothing", code="nothing-shared", where="--shared")

    def traces(self, *, thorough: bool) -> Step:
        return traces.step(self.scope)

    def settings(self) -> Step:
        return traces.settings(self.scope)

    def role(self) -> Role:
        raise UsageError("a local deployment needs no role", code="no-role", where="--print-role")

    def rebuild(self, kind: str, identity: Mapping[str, Any]) -> Resource:
        return kinds.make(self.scope, kind, identity)

    def health(self, outputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        uri = outputs.get("service", {}).get("uri")
        if not uri:
            return {"health": "unknown", "reason": "there is no service yet"}
        try:
            answer = Loopback().request("GET", f"{uri}/api/v2/health", timeout=HEALTH_SECONDS)
            found = answer.json() if answer.status_code == 200 else {}
        except (OSError, ValueError) as error:  # requests' own errors are OSErrors
            return {"health": "unhealthy", "reason": f"no answer ({type(error).__name__})"}
        if found.get("status") != "healthy":
            return {"health": "unhealthy", "reason": f"HTTP {answer.status_code}"}
        return {"health": "healthy", "version": found.get("version")}

    def endpoints(self, outputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        uri = outputs.get("service", {}).get("uri")
        known = {
            "url": uri,
            "mcp_url": f"{uri}/mcp/" if uri else None,
            "runtime": str(self.scope.deployment.local.runtime),
        }
        return {name: value for name, value in known.items() if value is not None}

    def how_to_call(self, outputs: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        uri = outputs["service"]["uri"]
        return (
            _curl(f"{uri}/api/v2/memories", _STORE),
            _curl(f"{uri}/api/v2/memories/search", _FIND),
            f"MCP: {uri}/mcp/",
        )

    def identity_tokens(self, outputs: Mapping[str, Mapping[str, Any]]) -> Callable[[], Secret] | None:
        return None

    def told(self, lines: Sequence[LogLine]) -> Sequence[LogLine]:
        """What the servers said, without the deployment's secrets: a model's provider repeats a key that it refuses."""
        vault.hold(self.scope)
        return tuple(replace(line, text=heard(line.text)) for line in lines)

    def warnings(self) -> tuple[str, ...]:
        return (TOY,) if self.scope.deployment.model.provider is ModelProvider.OFFLINE else ()

    @property
    def prices_of(self) -> str:
        return ""

    def price_lines(self) -> Sequence[PriceLine]:
        return ()

    def live_price_lines(self) -> tuple[Sequence[PriceLine], Sequence[str]]:
        return (), ("nothing is paid for on your own machine",)

    def not_priced(self, *, live: bool = False) -> str:
        return "what the model's provider asks for"

    def kept_costs(self) -> Mapping[str, float]:
        return {}


def _curl(url: str, body: Mapping[str, Any]) -> str:
    return f"curl {url} -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
